"""Coverage-guided fuzzing of everything from bytes to source: `python -m tests.fuzz.fuzz_loader -runs=1000`.

The options are libFuzzer's; a folder is a corpus that grows. Any exception but archspec's own, and any input that takes
more than five seconds or a gigabyte, ends the run, and the input is written to a file.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from archspec.errors import ArchspecError

ROOT: Final = Path(__file__).resolve().parents[2]
MOST_LAYERS: Final = 300
"""Of networks up to this size the source is made, too: more would say nothing new and take longer."""
WORDS: Final = (
    *("archspec: 1", "name:", "layers:", "blocks:", "params:", "input:", "inputs:", "stages:", "stem:", "head:"),
    *("extends:", "include:", "defaults:", "depth:", "rule:", "outputs:", "units:", "unit_names:", "with:", "unit:"),
    *("repeat:", "times:", "tap:", "from:", "when:", "else:", "stage:", "block:", "choices:", "default:", "shape:"),
    *("conv:", "filters:", "kernel:", "relu", "add:", "concat:", "multiply:", "channels", "&a", "*a", "!!x", "<<:"),
    *("**9", "[1] * 9", " if ", "{i}", "6n+2", "\\u2028", "\\0", "|\n", "---\n", "1e999", "0x", ".nan", ".inf"),
)


def corpus() -> list[bytes]:
    """The specs that ship, and those that bring about each error."""
    paths = [*ROOT.glob("specs/**/*.yaml"), *ROOT.glob("tests/errors/*.yaml"), *ROOT.glob("tests/safety/*.yaml")]
    paths += ROOT.glob("tests/fuzz/found/*.yaml")
    return [path.read_bytes() for path in sorted(paths)]


def one(data: bytes, default_limits: bool = False) -> None:
    """One input: it becomes source for both backends, or is refused with places and codes."""
    import archspec
    from archspec.spec import load_text

    # Small limits: the instrumented code is slow, and what lies past a limit is refused in the same way.
    small = archspec.Limits(items=2_000, values=5_000, work=100_000, errors=50)
    limits = archspec.Limits() if default_limits else small
    try:
        spec = load_text(data.decode("utf-8", "replace"), "fuzz.yaml", ROOT / "specs", limits=limits)
        graph = archspec.compile(spec)
        if len(graph.nodes) <= MOST_LAYERS:
            for backend in ("torch", "keras"):
                compile(archspec.generate(graph, backend), "fuzz", "exec", dont_inherit=True)
    except archspec.ArchspecError as error:
        check(error)


def check(error: ArchspecError) -> None:
    """A refusal has codes and places, and what is shown of it can be made."""
    from archspec.errors import CODES

    assert error.diagnostics, repr(error)
    for found in error.diagnostics:
        assert found.code in CODES, found
        # What is no text, and what is larger than a text may be, has no place in it.
        assert found.span is not None or found.code in ("E0101", "E0104"), found
        if found.span is not None:
            assert min(found.span.line, found.span.column) >= 1, found
    assert str(error)


class Lanes:
    """Every fiftieth input is under the limits that users have: more of them would take too long."""

    def __init__(self) -> None:
        self.inputs = 0

    def __call__(self, data: bytes) -> None:
        """One input."""
        self.inputs += 1
        one(data, default_limits=self.inputs % 50 == 0)


def main(argv: Sequence[str]) -> None:
    """Fuzz until the runs that were asked for are made, or something is found."""
    import atheris

    with atheris.instrument_imports(include=["archspec", "archspec_torch", "archspec_keras", "yaml"]):
        import archspec_torch  # noqa: F401
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "seeds").mkdir()
        for index, content in enumerate(corpus()):
            (folder / "seeds" / str(index)).write_bytes(content)
        words = "\n".join(
            '"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"' for word in WORDS
        )  # libFuzzer's form of a dictionary
        (folder / "words").write_text(words + "\n")
        bounds = ["-timeout=5", "-rss_limit_mb=1024", "-max_len=20000", f"-dict={folder / 'words'}"]
        atheris.Setup([argv[0], *bounds, *argv[1:], str(folder / "seeds")], Lanes())
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
