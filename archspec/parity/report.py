"""The report of a comparison: what it found, in words, and an error where models differ."""

from __future__ import annotations

import math
from typing import Final

from archspec.errors import Diagnostic, Note, ParityError
from archspec.parity.report_text import blamed_lines, cause_lines, row_lines, to_lines
from archspec.parity.results import ComparisonResults, PairResult

_MANY: Final = 10
"""Two ways to compute a network may be so many times as far apart as float32 and float64 are."""
_SHARE: Final = {"float32": 1.0, "float64": 2.0**-29}
"""Of float32's rounding, what is that of a dtype."""


class Report(ComparisonResults):
    """What a comparison found. `print` shows all but what is to blame, which `require` says."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(to_lines(self))

    def require(self) -> None:
        """Raise unless everything agrees.

        Raises:
            ParityError: with the layers that are to blame, and each row that is past its tolerance.
        """
        if self.agrees:
            return
        if self.uncompared:
            who = ", ".join(self.uncompared)
            message = f"nothing of {self.network} was judged that {who} computes"
            raise ParityError(Diagnostic("E0801", message, notes=self._reasons(), help="docs/parity.md says what is"))
        lines = [*cause_lines(self), *blamed_lines(self), *row_lines(self)]
        span = self.blamed[0].span if self.blamed else None
        notes = tuple(map(Note, lines))
        raise ParityError(
            Diagnostic("E0801", f"the models of {self.network} differ", span, notes=notes, help=self._help())
        )

    def _reasons(self) -> tuple[Note, ...]:
        return tuple(Note(f"{found.check} in {found.dtype}: {found.reason}") for found in self.skipped)

    def _help(self) -> str:
        """Where the differences are no more than what rounding does to this network in one framework, that they are."""
        wrong = [row for row in self.rows if not row.agrees]
        if not all(row.difference <= _MANY * self._rounding(row) for row in wrong):
            return ""
        most: dict[str, float] = {}
        for row in wrong:
            key = f"{row.dtype}.{row.check}"
            most[key] = max(most.get(key, 0.0), row.difference)
        allowed = " ".join(f"--tolerance {key}={2 * value:.0e}" for key, value in most.items())
        return (
            "these differences are of the size that rounding alone has here: the network magnifies it, as many layers "
            f"do, and batch norm over few numbers; compare with a larger --batch, or allow it by {allowed}"
        )

    def _rounding(self, row: PairResult) -> float:
        """What rounding in the dtype of a row does to the same pass of the first participant."""
        alike = [
            found.difference
            for found in self.rows
            if found.what == "all tensors"
            and (found.check, found.size) == (row.check, row.size)
            and math.isfinite(found.difference)
        ]
        return max(alike, default=0.0) * _SHARE[row.dtype]
