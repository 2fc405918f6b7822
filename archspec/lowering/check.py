"""What can be said of a spec before anything is computed: names, attributes, params, taps, circles of blocks."""

from __future__ import annotations

from collections.abc import Mapping

from archspec.errors import did_you_mean
from archspec.ir.ops import CORE, OPS
from archspec.lowering.bodies import check_circles, everything, marks_in
from archspec.lowering.body_check import BodyCheck
from archspec.lowering.call_check import check_attribute
from archspec.lowering.diagnostics import CheckDiagnostics
from archspec.lowering.name_patterns import check_name_patterns
from archspec.lowering.reuse_check import check_reuse
from archspec.lowering.values import parts
from archspec.spec import Attribute, Spec
from archspec.suggestions.static_checks import tap_help


def check(spec: Spec, found: CheckDiagnostics) -> None:
    """Add what is wrong in the network's body and in every block, called or not, to what has been found.

    Raises:
        SpecError: with all of it, where it is very much: `found` is full.
    """
    _check_defaults(spec, found)
    for block in spec.blocks.values():
        body = BodyCheck(spec, found, block.params, f"block {block.name}")
        if block.name in CORE:
            message = f"block `{block.name}` has the name of an op, and could never be called"
            found.error("E0404", message, block.span, help="choose another name")
        body.known.add("in_channels")
        body.params(block.params)
        body.lets(block.let)
        body.known.add("channels")
        body.taps |= set(block.inputs)
        body.body(block.layers)
        check_reuse(body, block.layers, block.outputs)
        check_name_patterns(block.layers, body)
        body.ends(block)
        body.unused_taps(block)
        body.unused(block.params, block.let)
    _check_network(spec, found)
    check_circles(spec, found)


def _check_network(spec: Spec, found: CheckDiagnostics) -> None:
    root = BodyCheck(spec, found, spec.params, "the network")
    root.params(spec.params)
    if spec.depth is not None:
        root.use(spec.depth.value)
        root.use(spec.depth.counted)
        if spec.depth.rule is not None:
            root.known.add("n")
    root.lets(spec.let)
    for input in [spec.input, *spec.inputs.values()]:
        for part in (*input.sizes.values(), input.shape) if input else ():
            root.use(part)
    for op_name, attributes in spec.defaults.items():
        for name, attribute in attributes.items():
            info = OPS[op_name].attributes().get(name) if op_name in OPS else None
            for part in parts(info, attribute) if info is not None else ():
                root.use(part, op=OPS[op_name], info=info)
    root.known.add("channels")
    root.taps |= spec.inputs.keys()  # each input can be started from, and given
    root.body(spec.items)
    check_name_patterns(spec.items, root)
    check_reuse(root, spec.items, [name for name, _ in spec.output_places])
    params = {name: param for name, param in spec.params.items() if name not in found.outside}
    root.unused(params, _own_quantities(spec))
    root.unused_inputs()
    root.tapped |= {name.partition("[")[0] for name, _ in spec.output_places}  # of a list, which no output is
    root.unused_lists(spec.items)
    taps = {*marks_in(spec.items), *spec.inputs} | ({"input"} if spec.input else set[str]())
    for name, place in spec.output_places:
        if name not in taps and not root.may_be(name):
            help = tap_help(name, taps, everything(spec.items), spec.blocks, outputs=True)
            found.error("E0406", f"output `{name}` is no tap", place, help=help)
    for index, name in enumerate(spec.training_outputs or ()):
        if name in (spec.outputs or ()):
            message = f"`{name}` is one of the `outputs`, which are there in training, too"
            help = "list it in one of the two: under `training_outputs` if evaluation is not to have it"
            found.error("E0202", message, spec.item_place("training_outputs", index), help=help)


def _own_quantities(spec: Spec) -> Mapping[str, Attribute]:
    """What the spec's own file has under `let`: a child that replaces layers need not use what its parent's used."""
    file = spec.span.source
    return {name: given for name, given in spec.let.items() if given.key_span is None or given.key_span.source == file}


def _check_defaults(spec: Spec, found: CheckDiagnostics) -> None:
    for op_name, attributes in spec.defaults.items():
        op = OPS.get(op_name)
        if op is None:
            place = spec.entry_place("defaults", op_name)
            from archspec.suggestions.foreign_names import named_op

            help = named_op(op_name) or did_you_mean(op_name, OPS)
            found.error("E0408", f"`{op_name}` is not an op", place, help=help)
            found.uncertain |= OPS.keys()
            continue
        for name, attribute in attributes.items():
            if not check_attribute(op, name, attribute, attributes, found):
                found.uncertain.add(op_name)
