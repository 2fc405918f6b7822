"""The rate of a plan as the text of a Python function, for programs in any framework.

It is written for the plan's own schedule, as a person would write it: `if epoch < 81: return 0.001`. What it gives is
what `TrainingPlan.rate` gives, to the last bit: it makes the same operations, without those that change nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from archspec.recipe import Phase, Schedule
from archspec.recipe.schedules import ConstantRate, Cosine, Exponential, Linear, OneCycle, Polynomial, Steps
from archspec.training.plan import TrainingPlan


def takes_reduction(plan: TrainingPlan) -> bool:
    """Whether the function has the argument `reduction`, the product of what the plateau has done so far."""
    return plan.plateau is not None and not plan.plateau.overridden_by_schedule


def rate_source(plan: TrainingPlan) -> str:
    """The text of a function `rate(step)` or, where a plateau acts, `rate(step, reduction)`.

    The step is counted from 0. The text ends without a line end, has an empty line between functions as PEP 8 has them,
    and imports nothing: where it says `math.`, the program imports `math`.
    """
    if not takes_reduction(plan):
        return _scheduled("rate", "The learning rate of a step, counted from 0.", plan)
    assert plan.plateau is not None
    floor = plan.plateau.floor
    head = "def rate(step: int, reduction: float) -> float:\n"
    doc = '    """The learning rate of a step, counted from 0, after what the plateau has reduced it by."""\n'
    if plan.schedule is None:
        base, before = repr(plan.optimizer.learning_rate), ""
    else:
        base = "scheduled_rate(step)" if floor == 0.0 else "base"
        before = _scheduled("scheduled_rate", "The learning rate of a step as the schedule has it.", plan) + "\n\n\n"
        doc += "" if floor == 0.0 else "    base = scheduled_rate(step)\n"
    lowest = repr(min(plan.optimizer.learning_rate, floor)) if plan.schedule is None else f"min(base, {floor!r})"
    reduced = f"{base} * reduction" if floor == 0.0 else f"max({base} * reduction, {lowest})"
    return f"{before}{head}{doc}    return {reduced}"


def _scheduled(name: str, doc: str, plan: TrainingPlan) -> str:
    """The text of a function of the step alone."""
    lines = [f"def {name}(step: int) -> float:", f'    """{doc}"""']
    if plan.schedule is None:
        lines.append(f"    return {plan.optimizer.learning_rate!r}")
        return "\n".join(lines)
    segments = _segments(plan.schedule, plan)
    position = _Position.of(plan.schedule)
    constant = all(segment.constant for segment in segments)
    if position.name == "epoch" and (len(segments) > 1 or not constant):
        lines.append(f"    epoch = step {'/' if position.fractional else '//'} {plan.steps_per_epoch}")
    for segment, following in zip(segments, [*segments[1:], None], strict=True):
        indent = "    " if following is None else "        "
        if following is not None:
            lines.append(f"    if {segment.condition or f'{position.name} < {_number(segment.end)}'}:")
        lines += [f"{indent}{line}" for line in segment.lines]
    return "\n".join(lines)


@dataclass(frozen=True)
class _Position:
    """What positions are counted in, as the text has them."""

    name: str
    """`step` or `epoch`."""
    fractional: bool
    """Whether it has a fraction."""

    @classmethod
    def of(cls, schedule: Schedule) -> _Position:
        return cls(schedule.by, schedule.by == "epoch" and schedule.smooth)

    def since(self, start: float) -> str:
        """The text of how far it is from the begin of a phase; in parentheses where it is a difference."""
        return f"({self.name} - {_number(start)})" if start else self.name


@dataclass(frozen=True)
class _Segment:
    """A piece of the schedule, up to a position, with one formula."""

    end: float
    lines: tuple[str, ...]
    """What stands under its condition; the last of them returns the rate."""
    constant: bool = False
    condition: str = ""
    """When it holds; before its end unless given."""


def _segments(schedule: Schedule, plan: TrainingPlan) -> list[_Segment]:
    """The pieces of a schedule in turn; the last of them holds for ever."""
    total = plan.steps / (1 if schedule.by == "step" else plan.steps_per_epoch)
    writer = _SegmentWriter(plan.optimizer.learning_rate, _Position.of(schedule))
    spans = [span for span in schedule.spans(total) if span[2] > 0.0]
    found = [segment for span in spans for segment in writer.segments(*span)]
    if not spans:
        found = [writer.constant(1.0, math.inf)]
    elif (end := spans[-1][1] + spans[-1][2]) < total:  # the last value is kept
        phase, start, length = spans[-1]
        found.append(writer.constant(phase.multiple(end, start, length), math.inf))
    merged: list[_Segment] = []
    for segment in found:
        if merged and segment.constant and merged[-1].lines == segment.lines:
            merged.pop()
        merged.append(segment)
    return merged


@dataclass(frozen=True)
class _SegmentWriter:
    """Writes the segments of phases."""

    rate: float
    """The optimizer's, which factors are multiples of."""
    position: _Position

    def segments(self, phase: Phase, start: float, length: float) -> Iterator[_Segment]:
        """A phase, which begins at a position and lasts for so long."""
        end = start + length
        share = f"{self.position.since(start)} / {_number(length)}"
        match phase:
            case ConstantRate():
                yield self.constant(phase.factor, end)
            case Steps():
                inner = [float(at) for at in sorted(set(phase.at)) if start < at < end]
                for first, last in zip([start, *inner], [*inner, end], strict=True):
                    yield self.constant(phase.multiple(first, start, length), last)
            case Linear():
                yield self.between(phase.start, phase.to, share, "linear", end)
            case Exponential():
                yield self.returning(0.0, 1.0, f"{phase.factor!r} ** {self.passed(phase, start)}", end)
            case Polynomial():
                power = "" if phase.power == 1.0 else f" ** {_number(phase.power)}"
                whole = start.is_integer() and length.is_integer()  # else a share may come to 1 + 2**-52
                left = "1 - share" if whole else "max(1 - share, 0.0)"
                before = (f"share = {share}", f"left = {left}")
                yield self.returning(phase.to, 1.0 - phase.to, f"left{power}", end, *before)
            case Cosine():
                yield self.between(1.0, phase.to, share, "cosine", end)
            case OneCycle():
                yield from self.one_cycle(phase, start, length)
            case _:
                raise TypeError(f"there is no text for the phase `{phase.name}`")

    def constant(self, factor: float, end: float) -> _Segment:
        """The same rate up to a position."""
        return _Segment(end, (f"return {float(self.rate * factor)!r}",), constant=True)

    def returning(
        self, number: float, factor: float, text: str, end: float, *before: str, condition: str = ""
    ) -> _Segment:
        """The rate times (number + factor * text), up to a position, after some lines.

        A product of three is multiplied in the plan's order, which the last bit depends on.
        """
        inner = _sum(number, _scaled(factor, text))
        if self.rate != 1.0:
            inner = f"{self.rate!r} * {inner if number == 0.0 and factor == 1.0 else f'({inner})'}"
        return _Segment(end, (*before, f"return {inner}"), condition=condition)

    def passed(self, phase: Exponential, start: float) -> str:
        """An exponent, in parentheses where it needs them."""
        since = self.position.since(start)
        whole = not self.position.fractional and start.is_integer()
        if phase.every == 1.0:
            return f"math.floor({since.strip('()')})" if phase.staircase and not whole else since
        quotient = f"{since} / {_number(phase.every)}"
        return f"math.floor({quotient})" if phase.staircase else f"({quotient})"

    def between(
        self, first: float, last: float, share: str, shape: str, end: float, *, condition: str = ""
    ) -> _Segment:
        """From one factor to another, by a share of the way."""
        if first == last:
            return replace(self.constant(first, end), condition=condition)
        before = f"share = {share}"
        if shape == "linear":
            return self.returning(first, last - first, "share", end, before, condition=condition)
        wave = "(1 + math.cos(math.pi * share)) / 2"
        return self.returning(last, first - last, wave, end, before, condition=condition)

    def one_cycle(self, phase: OneCycle, start: float, length: float) -> Iterator[_Segment]:
        """Up and down again. The last position of whole ones is one before the end."""
        end, top, last = start + length, phase.rise * length - 1.0, length - 1.0
        since = self.position.since(start)
        if top > 0.0:
            condition = f"{since.strip('()')} <= {_number(top)}"
            share = f"{since} / {_number(top)}"
            yield self.between(phase.start, 1.0, share, phase.shape, start + top, condition=condition)
        if last <= top:
            yield self.constant(phase.multiple(end, start, length), end)
            return
        passed = f"({since} {'-' if top > 0.0 else '+'} {_number(abs(top))})" if top else since
        share = f"{passed} / {_number(last - top)}"
        whole = not self.position.fractional and start.is_integer() and length.is_integer()
        yield self.between(1.0, phase.to, share if whole else f"min({share}, 1.0)", phase.shape, end)


def _number(value: float) -> str:
    """A number as people write it: whole ones without a point."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(float(value))


def _scaled(factor: float, text: str) -> str:
    """A multiple of a product; of a sum, in parentheses."""
    return text if factor == 1.0 else f"-{text}" if factor == -1.0 else f"{_number(factor)} * {text}"


def _sum(number: float, text: str) -> str:
    """A number and a product, which may begin with a minus sign."""
    if number == 0.0:
        return text
    return f"{_number(number)} - {text[1:]}" if text.startswith("-") else f"{_number(number)} + {text}"
