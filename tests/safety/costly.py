"""Specs that ask for too much, each in a way of its own; test_costs.py holds what refusing them costs."""

from __future__ import annotations

from typing import Final

HEAD: Final = "archspec: 1\nname: net\ninput: {channels: 3, height: 16, width: 16}\n"


def nested_blocks(count: int, body: str, last: str) -> str:
    blocks = "".join(f"  b{i}: {{layers: {body.format(i + 1)}}}\n" for i in range(count))
    return f"blocks:\n{blocks}  b{count}: {{layers: {last}}}\nlayers: [b0]\n"


LONG = "x" * 78
DOUBLING = "".join(f", p{i}: p{i - 1} + p{i - 1} - p{i - 1}" for i in range(1, 40))
CONVS = ", ".join(f"{{conv: {{kernel: 1, filters: '[{'channels, ' * 1900}][{i}]'}}}}" for i in range(300))
COSTLY: Final = {
    "rounds of rounds": "layers: [{repeat: {times: 100000, layers: [{repeat: {times: 100000, layers: []}}]}}]\n",
    "rounds with a tap": "layers: [{repeat: {times: 3000, layers: [{repeat: {times: 3000, layers: [{tap: t}]}}]}}]\n",
    "rounds with nothing": "layers: [{repeat: {times: 1000, layers: [{repeat: {times: 1000, "
    "layers: [{relu: {}, when: channels == 5}]}}]}}]\n",
    "an empty block": "blocks: {e: {layers: []}}\nlayers: [{repeat: {times: 1000000, layers: [e]}}]\n",
    "calls of nothing": nested_blocks(40, "[b{0}, {{b{0}: {{name: q}}}}]", "[]"),
    "calls with long names": nested_blocks(40, f"[{{{{b{{0}}: {{{{name: {LONG}}}}}}}}}, b{{0}}]", "[]"),
    "a count of units": "blocks: {u: {unit: [k], layers: [{conv: {filters: k, kernel: 1}}]}}\n"
    'layers: [{stage: {name: s, block: u, units: ["(1,) x 1000000000"]}}]\n',
    "a list of units": "blocks: {u: {unit: [k], layers: [{conv: {filters: k, kernel: 1}}]}}\n"
    'layers: [{stage: {name: s, block: u, units: "[(1,)] * 90000 + [(2,)] * 90000"}}]\n',
    "deep calls": nested_blocks(400, "[b{0}]", "[relu]"),
    "defaults that double": f"blocks: {{b: {{params: {{p0: {{}}{DOUBLING}}}, "
    "layers: [{conv: {filters: p39, kernel: 1}}]}}\nparams: {w: 2}\nlayers: [{b: {p0: w}}]\n",
    "lists of lists": "layers: [{conv: {filters: 'sum([[1] * 90000] * 90000, [])', kernel: 1}}]\n",
    "a list in a message": "layers: [{conv: {filters: '[[[1] * 90000] * 90000] * 90000', kernel: 1}}]\n",
    "many digits": "layers: [{conv: {filters: 'round(5, -1000000000)', kernel: 1}}]\n",
    "channels that double": "layers: [{repeat: {times: 500, layers: [{conv: {filters: channels * 2, kernel: 1}}]}}]\n",
    "padding": "layers: [{conv: {filters: 1, kernel: 1, padding: 2000000000}}]\n",
    "same padding": "layers: [{max_pool: {kernel: 2000000000, stride: 1, padding: same}}]\n",
    "very many slips": f"layers: [{', '.join(f'op{i}' for i in range(20000))}]\n",
    "expressions in very many rounds": f"layers: [{{repeat: {{times: 600, layers: [{CONVS}]}}}}]\n",
    "long lists, again and again": "params: {a: '[1] * 100000'}\nlayers: [{repeat: {times: 100000, "
    f"layers: [{{conv: {{kernel: 1, filters: 'min({'sum(a), ' * 2000}3)'}}}}]}}}}]\n",
    "lists that are compared": "params: {a: '[[1] * 300] * 300', b: '[[1] * 300] * 300'}\n"
    "layers: [{repeat: {times: 99999, layers: [{conv: {kernel: 1, filters: '3 if a == b else 4'}}]}}]\n",
    "arguments that are kept": "blocks: {b: {params: {p: {}}, layers: [{conv: {kernel: 1, filters: p}}]}}\n"
    f"layers: [{{repeat: {{times: 40000, layers: [{{b: {{p: '[{'channels + 1, ' * 1400}][3]'}}}}]}}}}]\n",
    "calls that double": "blocks:\n"
    + "".join(f"  b{i}: {{layers: [b{i + 1}, b{i + 1}]}}\n" for i in range(60))
    + "  b60: {layers: [relu]}\nlayers: [b0]\n",
    "calls again that double": nested_blocks(
        60, "[{{b{0}: {{name: q}}}}, reuse: q]", "[conv: {filters: 3, kernel: 1}]"
    ),
    "sequences again in very many rounds": f"layers: [{{name: s, layers: [{'relu, ' * 900}"
    "conv: {filters: 3, kernel: 1}]}, {repeat: {times: 90000, layers: [reuse: s]}}]\n",
    "convolutions": "layers: [{repeat: {times: 400, layers: [{repeat: {times: 999, layers: [{conv: {filters: "
    "'min(channels + 1, 5)', kernel: 3, padding: same, stride: 1, groups: 1, bias: false}}]}}]}}]\n",
    "one expression, many aliases": f"layers: [{{conv: {{filters: &e '[{'channels, ' * 1900}][0]', kernel: 1}}}}, "
    f"{'{conv: {filters: *e, kernel: 1}}, ' * 15000}]\n",
    "one key again and again": f"layers: {{{'a: 1, ' * 40000}}}\n",
    "very many items": f"layers: [{'relu, ' * 200000}]\n",
    "a large archive of nothing": "#" * 9_000_000,
}
