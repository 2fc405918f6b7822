"""What archspec says when something is wrong: places, diagnostics, and the two kinds of exception.

`ArchspecError` and its children are the user's mistakes: each carries diagnostics with codes and places.
`InternalError` is ours, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from archspec.display import display
from archspec.records import record

CODES: Final[dict[str, str]] = {
    # E01: reading files
    "E0101": "a file cannot be read",
    "E0102": "not YAML",
    "E0103": "a key stands twice",
    "E0104": "a spec is too large or too deep",
    "E0105": "a feature of YAML that specs do not use",
    "E0106": "no such spec or recipe",
    "E0107": "files extend or include each other in a circle",
    "E0108": "a block is defined twice",
    "E0109": "a path that leaves the spec's folder",
    # E02: the form of a spec
    "E0201": "unknown key",
    "E0202": "a value of the wrong form",
    "E0203": "a depth that its rule does not allow",
    "E0204": "declared depth and counted depth differ",
    "E0205": "a required key is missing",
    "E0206": "an unsupported version of the language",
    "E0207": "a limit that does not exist, or cannot have this value",
    # E03: expressions
    "E0301": "an expression cannot be parsed",
    "E0302": "an undefined name in an expression",
    "E0303": "an expression cannot be evaluated",
    "E0304": "a result past the limits",
    # E04: names, params, attributes, blocks
    "E0401": "unknown param",
    "E0402": "a required param is missing",
    "E0403": "a param is never used",
    "E0404": "not a usable name",
    "E0405": "two layers, or two taps, share a name",
    "E0406": "unknown tap",
    "E0407": "a tap, an input or a layer that is never used",
    "E0408": "unknown op, block, or part of a recipe",
    "E0409": "unknown attribute",
    "E0410": "a required attribute is missing",
    "E0411": "an attribute's value is not allowed",
    "E0412": "a word of another library, or one with two meanings",
    "E0413": "blocks call each other in a circle",
    "E0414": "a unit does not fit its block",
    "E0415": "what `reuse` names cannot be used again",
    # E05: shapes
    "E0501": "an op does not accept its input's shape",
    "E0502": "shapes that do not meet",
    "E0503": "a kernel or a stride larger than its input",
    "E0504": "groups that do not divide",
    "E0505": "weights that do not fit what they are used again for",
    # E06: generating
    "E0601": "a backend lacks an op",
    "E0602": "a backend's framework is not installed, or cannot be imported",
    "E0603": "unknown backend",
    "E0604": "a file that would be lost",
    "E0605": "a file cannot be written",
    "E0606": "a generated file is not current",
    "E0607": "a backend does not do what is asked of it",
    # E07: weights
    "E0701": "a weights file cannot be read",
    "E0702": "weights that do not fit the network",
    "E0703": "a map of weights that is wrong, or does not fit",
    "E0704": "a network, or what is said of its weights, gives no predictions",
    # E08: running
    "E0801": "models differ past the tolerance",
    "E0802": "a worker process failed",
    "E0803": "a framework has not enough memory",
    "E0804": "a port cannot be used",
    # E09: recipes
    "E0901": "a recipe does not fit its network or its data",
    "E0902": "a loss does not fit its output",
    "E0903": "a recipe names layers that the network does not have",
    "E0904": "a recipe asks for what the data do not have",
    "E0905": "a number is watched that is not measured",
    "E0911": "a schedule and a plateau that fight",
    "E0912": "the best weights are chosen on test data",
    "E0913": "weight decay is given twice",
    "E0914": "a number that suits another meaning of its word",
    "E0915": "a batch that leaves one example for batch norm",
    "E0916": "a softmax before a loss that takes logits",
    "E0917": "a schedule that ends before or after training",
    "E0918": "examples that are trained on and measured on",
    "E0919": "a deviation or a covariance about a mean that was not subtracted",
    "E0920": "a setting that has no effect",
    # E10: data for training
    "E1001": "data that cannot be read, or do not fit",
    "E1002": "a run's history cannot be read",
}


class Source:
    """A text that diagnostics point into: a file, or a value from the command line."""

    __slots__ = ("_lines", "name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self._lines: list[str] | None = None

    def line(self, number: int) -> str:
        """The text of line `number`, counted from 1; empty past the end."""
        if self._lines is None:
            self._lines = self.text.splitlines()
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""

    def __repr__(self) -> str:
        return f"Source({self.name!r})"


class Span(NamedTuple):
    """A place in a source: lines and columns count from 1, the end is exclusive."""

    source: Source
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"


class Note(NamedTuple):
    """A further remark of a diagnostic, with its own place where it has one."""

    message: str
    span: Span | None = None


@record
class Diagnostic:
    """One thing that is wrong.

    `message` says what; `label` stands at the caret; `notes` say what led there; `help` says how to fix it.
    """

    code: str
    message: str
    span: Span | None = None
    label: str = ""
    notes: tuple[Note, ...] = ()
    help: str = ""
    severity: Literal["error", "warning"] = "error"

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise InternalError(f"diagnostic code {self.code} is not in the table of codes")


class ArchspecError(Exception):
    """The user's mistake: one or more diagnostics, all of those that could be collected."""

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]) -> None:
        found = (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        self.diagnostics: tuple[Diagnostic, ...] = found
        super().__init__(found)

    def __str__(self) -> str:
        text: str = display(self, "text")
        return text


class SpecError(ArchspecError):
    """A spec is wrong."""


class BackendError(ArchspecError):
    """A backend is missing, or lacks something that a network needs."""


class OutputError(ArchspecError):
    """A generated file cannot be written, was edited, or is not current."""


class WeightsError(ArchspecError):
    """A weights file cannot be read or does not fit."""


class FoldedWeightsError(WeightsError):
    """A weights file is of the form for inference, and those of the network as it is trained are wanted."""


class WeightsOptionError(WeightsError):
    """An option that says how weights are read has a word that means nothing, whatever the file holds."""


class TrainingDataError(ArchspecError):
    """Data for training cannot be read or do not fit."""


class ParityError(ArchspecError):
    """Models that must agree do not, or could not be run."""


class InternalError(Exception):
    """A mistake of archspec's own. Please report it, with the spec that brought it about."""

    def __str__(self) -> str:
        return f"internal error of archspec (please report it with the spec): {super().__str__()}"


@dataclass(slots=True, eq=False)
class Diagnostics:
    """Collects diagnostics, so that all of a check's findings are shown at once."""

    found: list[Diagnostic] = field(default_factory=list[Diagnostic])
    most: int | None = None
    """Past so many nothing more is learned: then what there is is raised at once."""

    def error(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        *,
        label: str = "",
        notes: Iterable[Note] = (),
        help: str = "",
    ) -> None:
        """Add an error; the same error at the same place counts once."""
        new = Diagnostic(code, message, span, label, tuple(notes), help)
        if new not in self.found:
            self.found.append(new)
        if self.most is not None and len(self.found) >= self.most:
            self.raise_if_any()

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.found)

    def __bool__(self) -> bool:
        return bool(self.found)

    def raise_if_any(self, kind: type[ArchspecError] = SpecError) -> None:
        """Raise what has been found, in the order of places, as one error."""
        if self.found:
            raise kind(self.in_order())

    def in_order(self) -> list[Diagnostic]:
        """What has been found, in the order of places; what is never used comes last."""
        return sorted(self.found, key=_order)


_UNUSED: Final = ("E0403", "E0407")


def _order(diagnostic: Diagnostic) -> tuple[bool, str, int, int]:
    span, last = diagnostic.span, diagnostic.code in _UNUSED  # it may well follow from what comes before it
    return (last, span.source.name, span.line, span.column) if span else (last, "", 0, 0)


_LONGEST: Final = 40
_MOST: Final = 300
_LISTED_AT_MOST: Final = 80


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The word that `word` is a misspelling of, if it is one: a letter or two are wrong, missing, extra or swapped.

    Case, underscores and hyphens do not count. Two wrong letters are too many in a word of fewer than six.
    """
    choices = list(words)
    if len(choices) > _MOST or not 0 < len(word) <= _LONGEST:
        return None  # to compare takes too long, and is made again for each of many errors
    flat = _letters(word)
    best: tuple[int, bool, str] | None = None
    for choice in choices:
        other = _letters(choice)
        shorter = min(len(flat), len(other))
        most = 2 if shorter >= 6 else 1 if shorter >= 3 else 0
        if len(choice) > _LONGEST or len(set(flat) ^ set(other)) > 2 * most:
            continue
        edits = _edits(flat, other, most)
        new = edits, flat[:1] != other[:1], choice
        if edits <= most and (best is None or new < best):
            best = new
    return best[2] if best is not None else None


def _letters(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")


def _edits(left: str, right: str, most: int) -> int:
    """Letters to insert, delete, replace, or swap with the next to make one word of another; `most` + 1 for more."""
    if abs(len(left) - len(right)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(right) + 1))
    for i, letter in enumerate(left, start=1):
        row = [i] + [most + 1] * len(right)
        for j in range(max(1, i - most), min(len(right), i + most) + 1):
            other = right[j - 1]
            row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == other:
                row[j] = min(row[j], before[j - 2] + 1)
        before, last = last, row
    return min(last[-1], most + 1)


def did_you_mean(word: str, words: Iterable[str], known: Iterable[str] | None = None) -> str:
    """A help text that names the nearest word, or lists all `known` ones (`words` unless given) if they are few."""
    choices = list(words)
    if len(choices) > _MOST:
        return ""
    choices.sort()
    match = nearest(word, choices)
    if match:
        return f"did you mean `{match}`?"
    listed = choices if known is None else sorted(known)
    if listed and len(listed) <= _LISTED_AT_MOST:
        return "known here: " + ", ".join(listed)
    return ""
