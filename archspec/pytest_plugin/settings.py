"""What the options and the configuration file say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import pytest

from archspec.codegen.registry import backend
from archspec.errors import ArchspecError
from archspec.parity import Participant, ProcessPool
from archspec.parity.plan import DTYPES, KINDS, Kind


@dataclass(frozen=True, slots=True)
class Settings:
    """How specs are checked in this run."""

    checks: Sequence[str]
    participants: Sequence[Participant]
    kinds: Sequence[Kind]
    dtypes: Sequence[str]
    batch: int
    strict: bool
    pattern: str
    """Where a generated file is, with `{backend}`, `{name}` and `{suffix}`."""
    rootdir: Path
    root: Path | None
    """The folder that files named in a spec must not leave; None: the spec's own."""
    pool: ProcessPool = field(default_factory=ProcessPool)
    """The processes of parity: a framework takes seconds to import."""

    @property
    def backends(self) -> list[str]:
        """Each backend of the participants, once: a backend may take part on several engines."""
        return list(dict.fromkeys(participant.backend for participant in self.participants))

    def generated(self, name: str, target: str) -> Path:
        """Where the file generated from the spec of this name is for a backend."""
        return self.rootdir / self.pattern.format(backend=target, name=name, suffix=backend(target).suffix)


SETTINGS: Final = pytest.StashKey[Settings]()


def read(config: pytest.Config, checks: Sequence[str]) -> Settings:
    """The settings of a run.

    Args:
        config: pytest's.
        checks: those that there are.

    Raises:
        pytest.UsageError: one of them is wrong.
    """
    strict, root = config.getoption("archspec_strict"), config.getini("archspec_root")
    found = Settings(
        checks=_chosen(config, "checks", checks),
        participants=[Participant.parse(text) for text in _words(config, "backends")],
        kinds=cast("list[Kind]", _chosen(config, "parity_checks", KINDS)),
        dtypes=_chosen(config, "dtype", DTYPES),
        batch=_number(config, "batch"),
        strict=config.getini("archspec_strict") if strict is None else strict,
        pattern=config.getini("archspec_generated"),
        rootdir=config.rootpath,
        root=config.rootpath / root if root else None,
    )
    try:
        for participant in found.participants:
            if "parity" in found.checks or participant.engine is not None:
                participant.environment()  # it runs models, and its engine is known
            found.generated("name", participant.backend)
    except ArchspecError as error:  # there is no such backend or engine, or it cannot be compared
        raise pytest.UsageError(f"archspec_backends:\n{error}") from None
    except (LookupError, ValueError, AttributeError):
        message = f"archspec_generated knows {{backend}}, {{name}} and {{suffix}}, and no others: {found.pattern}"
        raise pytest.UsageError(message) from None
    return found


def _words(config: pytest.Config, name: str) -> list[str]:
    option: str | None = config.getoption(f"archspec_{name}")
    given: list[str] = config.getini(f"archspec_{name}") if option is None else [option]
    words = [word.strip() for text in given for word in text.split(",") if word.strip()]
    if not words:
        raise pytest.UsageError(f"archspec_{name} is empty")
    return words


def _chosen(config: pytest.Config, name: str, choices: Sequence[str]) -> list[str]:
    words = _words(config, name)
    for word in words:
        if word not in choices:
            raise pytest.UsageError(f"archspec_{name}: `{word}` is none of {', '.join(choices)}")
    return words


def _number(config: pytest.Config, name: str) -> int:
    text = ",".join(_words(config, name))
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise pytest.UsageError(f"archspec_{name}: `{text}` is not a whole number, 1 or more")
    return int(text)
