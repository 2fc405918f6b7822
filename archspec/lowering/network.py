"""A spec's graph, or everything that can be known to be wrong with it."""

from __future__ import annotations

from archspec.errors import SpecError
from archspec.ir.graph import LayerGraph
from archspec.limits import Budget, WorkError
from archspec.lowering.check import check
from archspec.lowering.diagnostics import CheckDiagnostics
from archspec.lowering.lower import Lowering
from archspec.lowering.op_params import with_op_params
from archspec.lowering.top import read_top
from archspec.spec import Spec


def lower(spec: Spec) -> LayerGraph:
    """The layer graph of a spec.

    Raises:
        SpecError: the spec is wrong, with every finding of the static checks and of the computation, as far as they
            do not follow from each other.
    """
    budget = Budget(spec.limits)
    lowering: Lowering | None = None
    found = CheckDiagnostics(budget=budget)
    try:
        spec = with_op_params(spec, found)
        check(spec, found)
        if not found:
            lowering = Lowering(spec, read_top(spec, budget), budget)
            return lowering.run()
    except WorkError as error:
        place = lowering.here if lowering is not None and lowering.here is not None else spec
        raise SpecError(error.diagnostic(span=place.span)) from None
    except SpecError as error:
        if found.full or any(new.code == "E0304" for new in error.diagnostics):
            raise  # past the most errors, or past a limit: to go the same long way again is no use
        found.found += error.diagnostics
    raise _all_of(spec, found)


def examine(spec: Spec, budget: Budget) -> None:
    """Raise whatever can be known to be wrong with a spec, though some of its parts are refused already.

    Raises:
        SpecError: anything is.
    """
    found = CheckDiagnostics(budget=budget)
    spec = with_op_params(spec, found)
    check(spec, found)
    error = _all_of(spec, found)
    if error.diagnostics:
        raise error


def _all_of(spec: Spec, found: CheckDiagnostics) -> SpecError:
    """What has been found, and what else can be."""
    from archspec.lowering.survey import survey  # only needed on the way to an error

    survey(spec, found)
    return SpecError(found.in_order())
