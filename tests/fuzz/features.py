"""What a spec uses of the language: read off the YAML, with no help from what wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from archspec.ir import OPS
from archspec.ir.attributes import InitKind

WORDS: Final = ("channels", "i", "if", "and", "or", "not", "in", "min", "max", "sum", "len", "ceil", "floor", "round")
"""Of those that expressions have."""

FEATURES: Final = (
    *("image", "tokens", "features", "two inputs", "several outputs", "an input as an output"),
    *("params", "params with choices", "computed params", "defaults", "stem", "stages", "head"),
    *("named layer", "named sequence", "unnamed sequence", "empty branch", "branch from a tap", "three branches"),
    *("when", "else", "when in when", "op with when", "repeat", "named repeat", "repeat in repeat", "repeat 0 times"),
    *("times by param", "repeat of one call", "tap", "from", "from input", "from an output of a block"),
    *(
        "call",
        "named call",
        "block in block",
        "block called twice",
        "block params",
        "default of a block",
        "block choices",
    ),
    *("required block param", "argument by expression", "block inputs", "block outputs", "call in repeat"),
    *("stage", "stage with layers", "unit_names", "with", "stage in repeat", "several fields", "unit by index"),
    *("reuse", "named reuse", "reuse with inputs", "repeat of one reuse", "results by name"),
    *("units as lists", "units as strings", "units as mappings", "units as an expression", "units repeated"),
    *(f"`{word}` in an expression" for word in (*WORDS, "make_divisible", "int", "list[index]", "//", "%", "**")),
)
"""All that is counted beside the ops and their attributes."""
TYPED_ALONE: Final = ("embedding", "to_signal", "matmul")
"""Ops of tensors that are more than their sizes, which the specs of `typed` have; and what joins two that differ."""
NOT_DRAWN: Final = ("divide",)
"""Ops whose results may be of any size, so that nothing can be compared after them: conformance has them."""


def expected() -> set[str]:
    """Everything that a large sample of specs must have: each op, each of its attributes, each feature.

    Initializers are not drawn: weights are given.
    """
    ops = {name: op for name, op in OPS.items() if name not in (*TYPED_ALONE, *NOT_DRAWN)}
    found = {f"op {name}" for name in ops}
    for name, op in ops.items():
        found |= {f"{name}.{info.name}" for info in op.attributes().values() if not isinstance(info.kind, InitKind)}
    return found - {"upsample.size"} | set(FEATURES)  # it is given a factor


def features(spec: Mapping[str, Any]) -> set[str]:
    """What one spec has."""
    found = _head(spec)
    calls: list[str] = []
    bodies = [spec.get(part, []) for part in ("layers", "stem", "stages", "head")]
    for name, block in spec.get("blocks", {}).items():
        found |= _block(block)
        found |= {"block in block" for item, _ in _items(block["layers"], ()) if _kind(item) in spec["blocks"]}
        assert name not in OPS
        bodies.append(block["layers"])
    for body in bodies:
        for item, around in _items(body, ()):
            found |= _item(item, around, spec.get("blocks", {}))
            calls += [_kind(item)] if _kind(item) in spec.get("blocks", {}) else []
    if len(calls) > len(set(calls)):
        found.add("block called twice")
    for text in _expressions(spec):
        words = set(re.findall(r"\w+", re.sub(r"'[^']*'", "", text)))
        found |= {f"`{word}` in an expression" for word in words}
        found |= {f"`{sign}` in an expression" for sign in ("//", "%", "**") if sign in text}
        found |= {"`list[index]` in an expression"} if "][" in text else set()
    return found & expected()


def _head(spec: Mapping[str, Any]) -> set[str]:
    inputs = spec.get("inputs") or {"input": spec.get("input")}
    ranks = [3 if "channels" in value else len(value["shape"]) for value in inputs.values()]
    found = {("features", "tokens", "image")[rank - 1] for rank in ranks} | set(spec)
    found |= {"two inputs"} if len(inputs) == 2 else set()
    found |= {"several outputs"} if len(spec.get("outputs", ())) > 1 else set()
    found |= {"an input as an output"} if set(spec.get("outputs", ())) & set(inputs) else set()
    for value in spec.get("params", {}).values():
        found |= {"params with choices"} if isinstance(value, dict) and "choices" in value else set()
        found |= {"computed params"} if isinstance(value, str) else set()
    return found


def _block(block: Mapping[str, Any]) -> set[str]:
    found = {f"block {key}" for key in ("params", "inputs", "outputs") if key in block}
    found |= {"several fields"} if len(block.get("unit", ())) > 1 else set()
    for value in block.get("params", {}).values():
        mapping = isinstance(value, dict)
        found.add("required block param" if mapping and "default" not in value else "default of a block")
        found |= {"block choices"} if mapping and "choices" in value else set()
        found |= {"computed params"} if isinstance(value, str) else set()
    return found


def _items(items: Any, around: tuple[str, ...]) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """All items below, each with the kinds of those around it."""
    for item in [items] if isinstance(items, str | dict) else items:
        if isinstance(item, list):
            yield from _items(item, (*around, "list"))
            continue
        data = {item: {}} if isinstance(item, str) else item
        kind = _kind(data)
        yield data, around
        inside = (*around, *(["when"] if "when" in data else []))
        yield from _items(data.get("else", []), (*inside, "else"))
        body: Any = data.get(kind)
        if kind == "layers":
            yield from _items(data.get("layers", []), (*inside, "layers"))
        elif kind in ("repeat", "stage"):
            yield from _items(body.get("layers", []), (*inside, kind))
        elif kind == "entry":
            yield from _items(data.get("layers", []), (*inside, "stage"))
        elif kind in OPS:
            branches = body.get("branches", []) if isinstance(body, dict) else body
            yield from _items(branches, (*inside, "merge"))


def _kind(item: Mapping[str, Any]) -> str:
    """The op, the block, or the word that says what an item is."""
    for key in ("from", "layers"):
        if key in item:
            return "layers"
    if "block" in item:
        return "entry"
    return next(key for key in item if key not in ("name", "when", "else"))


def _item(item: Mapping[str, Any], around: tuple[str, ...], blocks: Mapping[str, Any]) -> set[str]:
    kind = _kind(item)
    body: Any = item.get(kind)
    found = {key for key in ("when", "else", "tap", "from") if key in item}
    if "when" in item:
        found |= {"when in when"} if "when" in around else set()
        found |= {"op with when"} if kind in OPS else set()
    if kind in OPS:
        found |= {f"op {kind}"} | _call_of_op(kind, body)
    elif kind == "reuse":
        found |= _reuse(body)
    elif kind in blocks:
        found |= {"call"} | ({"named call"} if "name" in body else set())
        found |= {"call in repeat"} if "repeat" in around else set()
        found |= {"argument by expression" for key, value in body.items() if _is_expression(key, value)}
    elif kind == "layers":
        found.add("named sequence" if "name" in item else "unnamed sequence")
        found |= {"from input"} if item.get("from") == "input" else set()
        found |= {"from an output of a block"} if "." in item.get("from", "") else set()
        found |= {"branch from a tap"} if "from" in item and around[-1:] in (("merge",), ("list",)) else set()
    elif kind == "repeat":
        found |= {"repeat", *(["named repeat"] if "name" in body else [])}
        found |= {"repeat in repeat"} if "repeat" in around else set()
        found |= {"repeat 0 times"} if body["times"] == 0 else set()
        found |= {"times by param"} if isinstance(body["times"], str) else set()
        only = body["layers"][0] if len(body["layers"]) == 1 else "relu"
        found |= {"repeat of one reuse"} if not isinstance(only, str) and _kind(only) == "reuse" else set()
        found |= {"repeat of one call"} if (only if isinstance(only, str) else _kind(only)) in blocks else set()
    elif kind in ("stage", "entry"):
        found |= _stage(body if kind == "stage" else item, around)
    return found


def _reuse(body: Any) -> set[str]:
    given: Mapping[str, Any] = body if isinstance(body, dict) else {}
    return {"reuse"} | {word for key, word in (("name", "named reuse"), ("with", "reuse with inputs")) if key in given}


def _call_of_op(name: str, body: Any) -> set[str]:
    if isinstance(body, list):
        branches, attributes = body, {}
    else:
        branches, attributes = body.get("branches", []), body
    found = {f"{name}.{key}" for key in attributes if key not in ("branches", "outputs")}
    found |= {"named layer"} if "name" in attributes else set()
    found |= {"empty branch"} if [] in branches else set()
    found |= {"results by name"} if "outputs" in attributes else set()
    return found | ({"three branches"} if len(branches) > 2 else set())


def _stage(stage: Mapping[str, Any], around: tuple[str, ...]) -> set[str]:
    found = {"stage"} | {key for key in ("with", "unit_names") if key in stage}
    found |= {"stage in repeat"} if "repeat" in around else set()
    units = stage.get("units")
    if units is None:
        return found | {"stage with layers"}
    found |= {"unit by index"} if re.search(r"\bi\b", str(units)) else set()
    if isinstance(units, str):
        return found | {"units as an expression"}
    names = {"list": "units as lists", "str": "units as strings", "dict": "units as mappings"}
    found.add(names[type(units[0]).__name__])
    return found | ({"units repeated"} if "times" in str(units) or re.search(r"[x×*] \d", str(units)) else set())


def _expressions(data: Any, key: str = "") -> Iterator[str]:
    if isinstance(data, dict):
        for inner, value in data.items():
            yield from _expressions(value, inner)
    elif isinstance(data, list):
        for value in data:
            yield from _expressions(value, key)
    elif _is_expression(key, data):
        yield data


def _is_expression(key: str, value: Any) -> bool:
    names = (
        "name",
        "tap",
        "from",
        "block",
        "unit",
        "inputs",
        "outputs",
        "choices",
        "layers",
        "reuse",
        "item",
        "branches",
        "unit_names",
    )
    return isinstance(value, str) and key not in names
