"""Writing `reset_parameters`: what layers do not draw so themselves, by the rule of its kind, exceptions after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from archspec.codegen.pretty_printer import INDENT
from archspec.codegen.written_numbers import initializer_of, with_written
from archspec.errors import BackendError, Diagnostic
from archspec.ir.attributes import InitKind
from archspec.ir.initializers import Constant, Ones, Zeros
from archspec_torch.ops import ROWS
from archspec_torch.ops.row import TorchRow
from archspec_torch.parameter_access import (
    NOTHING,
    OVER_MODULES,
    ParameterAccess,
    by_place,
    is_one_of,
    learns_nothing,
)
from archspec_torch.weight_init import Rule, draw, draw_bare


def rule_of(place: ParameterAccess) -> Rule | None:
    """How a layer's weights are drawn; None where the class's own `reset_parameters` is what is meant.

    The attribute `init` is for `weight`, and `bias_init` for `bias`, which may not be there; `out_init` for the last
    matrix of an attention, whose first is `joint` where it is drawn as one.
    """
    use = place.use
    if learns_nothing(use):
        return None
    row = ROWS[use.op.name]
    if (parameter := row.bare_for(use)) is not None:
        return (("", parameter.initializer(with_written(use, place.spell))),)
    biased = "bias" not in use.op.attributes() or not use.fixed("bias") or use.value("bias")
    biased = biased or bool(use.values.get("out_bias"))
    given = {
        info.name.removesuffix("init").removesuffix("_") or "weight": initializer_of(use, info.name, place.spell)
        for info in use.op.attributes().values()
        if isinstance(info.kind, InitKind) and use.value(info.name) is not None
    }
    if use.values.get("fans") == "joint":  # its matrix is drawn whole
        given = {"joint" if name == "weight" else name: initializer for name, initializer in given.items()}
    rule = tuple((name, initializer) for name, initializer in given.items() if name != "bias" or biased)
    return None if all(row.draws_itself(*pair) for pair in rule) else rule


def reset_parameters(places: Sequence[ParameterAccess], helpers: set[str]) -> list[str]:
    """The lines of the network's `reset_parameters`, two levels in; none where all layers draw so themselves.

    `helpers` gets those that the lines need.
    """
    bare = [place for place in places if place.is_bare]
    places = [place for place in places if not place.is_bare]
    lines: list[str] = []
    composed: list[str] = []
    usual: dict[str, Rule | None] = {}
    # In the order of the rows; rows of other packages are there only once they are used, so theirs come by name.
    for kind in sorted({place.drawn_as for place in places}, key=_in_order):
        alike = [place for place in places if place.drawn_as == kind]
        # What a block is given, its instances have; a line for all layers of a kind does not.
        rules = Counter(rule_of(place) for place in alike if place.is_own or not place.use.draws)
        if rules:
            most = [rule for rule, _ in rules.most_common()]
            usual[kind] = next((rule for rule in most[1:] if _covers(rule, most[0])), most[0])
    for kinds, types in _asked_for(_alike(usual), places, usual).items():
        alike = [place for kind in kinds for place in places if place.drawn_as == kind]
        rule, row, parts = usual[kinds[0]], ROWS[alike[0].kind], alike[0].parts
        if rule is None:
            if types:  # kinds of a class that others are drawn by
                lines += [*is_one_of(types, first=not lines), f"{INDENT * 4}continue  # it draws its weights itself"]
            continue
        # Its maps are drawn as such modules are, wherever they stand among all.
        as_inner = (
            parts is not None
            and parts.drawn_as_inner(initializer for _, initializer in rule)
            and _covers(_rule_of_type(parts.inner, places, usual), rule)
        )
        if as_inner and parts is not None and not parts.resets:
            continue
        target = lines if row.parts is None or as_inner else composed
        target += is_one_of(types, first=not target)
        guarded = NOTHING.union(*(place.optional for place in alike))
        if row.parts is None and "nn.Linear" in types:  # an attention's parts are such modules, too
            guarded = guarded.union(*(place.optional for place in places if place.parts is not None))
        if as_inner and parts is not None:
            target.append(f"{INDENT * 4}module.{parts.resets}()")
            continue
        untyped = NOTHING.union(*(place.untyped for place in alike))
        target += draw("module", _left(rule, row), row.without_state(), 4, guarded, untyped, helpers, parts)
    for test, drawn in _set_in_turn(bare, helpers).items():
        lines += [f"{INDENT * 3}{'el' if lines else ''}{test}:", *drawn]
    head = f"{INDENT * 2}for module in self.modules():"
    first = [head, *lines] if lines else []
    # Their parts are modules too, which what stands before may have drawn by another rule.
    second = [head, *composed] if composed else []
    apart = [(place, _drawn_bare(place, helpers)) for place in bare if not _is_set_in_turn(place)]
    return [*first, *second, *_exceptions(places, usual, helpers), *by_place(apart)]


def _is_set_in_turn(place: ParameterAccess) -> bool:
    """Whether a parameter of a class is set where the loop over all modules comes by: that draws no numbers.

    What draws some has its turn after all layers.
    """
    parameter = ROWS[place.kind].bare_for(place.use)
    is_set = parameter is not None and isinstance(parameter.initializer(place.use), Zeros | Ones | Constant)
    return is_set and len(place.headers) == 2 and place.headers[0] == OVER_MODULES


def _set_in_turn(bare: Sequence[ParameterAccess], helpers: set[str]) -> dict[str, list[str]]:
    """The lines that set parameters of classes, by what asks for the class."""
    found: dict[str, list[str]] = {}
    for place in filter(_is_set_in_turn, bare):
        found.setdefault(place.headers[1], []).extend(_drawn_bare(place, helpers))
    return found


def _rule_of_type(type: str, places: Sequence[ParameterAccess], usual: Mapping[str, Rule | None]) -> Rule | None:
    """How the loop over all modules draws those of a class in torch.nn; None where there is no such layer."""
    kinds = (place.drawn_as for place in places if place.parts is None and place.type == type)
    kind = next(kinds, None)
    if kind is None:
        return None
    rule = usual[kind]
    return tuple(ROWS[kind].draws.items()) if rule is None else rule


def _drawn_bare(place: ParameterAccess, helpers: set[str]) -> list[str]:
    """The lines that draw a parameter of the class around it."""
    parameter = ROWS[place.kind].bare_for(place.use)
    assert parameter is not None
    return draw_bare(
        place.target, parameter.initializer(with_written(place.use, place.spell)), 2 + len(place.headers), helpers
    )


def _in_order(kind: str) -> tuple[int, str]:
    """The place of a kind: that of its row, and of another package's by name."""
    return ROWS.own.get(kind.partition(" ")[0], len(ROWS.own)), kind


def _covers(rule: Rule | None, other: Rule | None) -> bool:
    """Whether a rule serves for another too: it may have a bias more, which is drawn where there is one."""
    return rule == other or (rule is not None and other is not None and rule[: len(other)] == other)


def _left(rule: Rule, row: TorchRow) -> Rule:
    """What of a rule the layers have not drawn when they were made."""
    return tuple(pair for pair in rule if not row.draws_itself(*pair))


def _alike(usual: Mapping[str, Rule | None]) -> list[list[str]]:
    """The kinds of layer, those together that are drawn by the same lines."""
    found: dict[object, list[str]] = {}
    for kind, rule in usual.items():
        row = ROWS[kind.partition(" ")[0]]
        key = kind if row.parts is not None else rule and _left(rule, row)
        found.setdefault(key, []).append(kind)
    return list(found.values())


def _asked_for(
    groups: Sequence[Sequence[str]], places: Sequence[ParameterAccess], usual: Mapping[str, Rule | None]
) -> dict[tuple[str, ...], list[str]]:
    """By kinds of layer that are drawn by the same lines, the classes that ask for them, in the order to ask in.

    Layers of a class of their own, which is a kind of one in torch.nn, are asked for by it, and first, where others of
    that class are drawn otherwise, or where they have a weight that it has not. Of layers that draw themselves no
    others are asked for.
    """
    first: dict[tuple[str, ...], list[str]] = {}
    others: dict[tuple[str, ...], list[str]] = {}
    for kinds in groups:
        alike = [place for place in places if place.drawn_as in kinds]
        rule = usual[kinds[0]]
        elsewhere = {place.type for place in places if place.drawn_as in usual and place.drawn_as not in kinds}
        has_more = any(name not in ("weight", "bias") for name, _ in rule or ())
        types: dict[str, bool] = {}
        for place in alike:
            of_own = ROWS[place.kind].own_type
            if of_own is not None and (has_more or place.type in elsewhere):
                types[of_own(place.use)] = True
            elif rule is not None:
                types[place.type] = False
        (first if any(types.values()) else others)[tuple(kinds)] = [*types]
    return first | others


def _exceptions(
    places: Sequence[ParameterAccess],
    usual: Mapping[str, Rule | None],
    helpers: set[str],
) -> list[str]:
    lines: list[tuple[ParameterAccess, list[str]]] = []
    for place in places:
        rule, row = rule_of(place), ROWS[place.kind]
        drawn = place.drawn_as in usual
        before = usual.get(place.drawn_as)
        if (drawn and _covers(before, rule)) or learns_nothing(place.use):
            continue
        if not place.reachable:
            message = f"PyTorch cannot draw the weights of {place.target} apart: its number depends on a condition"
            raise BackendError(Diagnostic("E0601", message, help="give the layer a name, or its kind one initializer"))
        depth = 2 + len(place.headers)
        if rule is None:
            lines.append((place, [f"{INDENT * depth}{place.target}.reset_parameters()"]))
            continue
        already = (tuple(row.draws.items()) if before is None else before) if drawn else ()
        left = tuple(pair for pair in rule if pair not in already)
        if drawn and row.parts is None and not any(row.draws_itself(*pair) for pair in left):
            rule, row = left, row.without_state()  # the others have been drawn so already
        lines.append((place, draw(place.target, rule, row, depth, place.optional, place.untyped, helpers, place.parts)))
    return by_place(lines)
