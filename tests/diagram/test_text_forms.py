"""Pictures as text: Graphviz's and Mermaid's are read back by a parser, JSON and GraphML by networkx."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import networkx
import pydot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archspec
from archspec.diagram.text_width import shortened
from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import shape_text
from archspec.spec import load_text

EXAMPLES = sorted((Path(__file__).parents[2] / "specs" / "examples").glob("*.yaml"))
TWICE = """
archspec: 1
name: twice
input: {channels: 3, height: 8, width: 8}
blocks:
  doubled: {layers: [{add: [[], []]}]}
  passed: {outputs: [kept], layers: [{tap: kept}, relu]}
layers:
  - doubled: {}
  - conv: {filters: 4, kernel: 3, padding: same, stride: 2}
  - {name: wrapped, layers: [{passed: {name: inner}}, relu]}
  - concat: [[], [], [{from: inner.kept}]]
  - upsample: {factor: 3}
"""
HOSTILE = '"]; end\\\n--> <b>x</b> \x07 &amp; #35; `y` $$z$$ __u__ *i* www.x.y http://a.b a@b %%{init} \\N ]] é 1. -'


@pytest.fixture(scope="module")
def twice() -> LayerGraph:
    """A tensor that is two operands of one layer, and one that goes through a frame and is nothing's input in it."""
    return archspec.compile(load_text(TWICE))


def _saved(folder: Path, suffix: str, *graphs: LayerGraph | str, **options: Any) -> str:
    path = folder / f"net{suffix}"
    archspec.draw(*graphs, **options).save(path)
    return path.read_text(encoding="utf-8")


# DOT


@dataclass
class Cluster:
    """What stands in a pair of braces; attributes as they are written."""

    about: dict[str, str]
    nodes: dict[str, dict[str, str]]
    edges: dict[tuple[str, str], list[dict[str, str]]]
    inner: list[Cluster]

    def walk(self) -> Iterator[Cluster]:
        yield self
        for cluster in self.inner:
            yield from cluster.walk()


def _parsed(text: str) -> Cluster:
    """By a parser that is not ours."""
    [graph] = pydot.graph_from_dot_data(text) or []
    return _cluster(graph)


def _cluster(graph: pydot.Graph) -> Cluster:
    nodes = {node.get_name(): dict(node.get_attributes()) for node in graph.get_nodes()}
    edges: dict[tuple[str, str], list[dict[str, str]]] = {}
    for edge in graph.get_edges():
        ends = str(edge.get_source()), str(edge.get_destination())
        edges.setdefault(ends, []).append(dict(edge.get_attributes()))
    for kind in ("node", "edge"):
        nodes.pop(kind, None)
    return Cluster(nodes.pop("graph"), nodes, edges, [_cluster(inner) for inner in graph.get_subgraphs()])


def _scanned(text: str) -> Cluster:
    """Line by line, as our file is laid out: the parser takes a second for a hundred nodes."""
    stack = [Cluster({}, {}, {}, [])]
    for line in text.splitlines():
        ends = re.match(r"\s*(\w+)(?: -> (\w+))?(?: \[|$)", line)
        attributes = dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|[\w.]+)', line.partition("[")[2]))
        if line.endswith("{"):
            stack.append(Cluster({}, {}, {}, []))
        elif line.strip() == "}":
            inner = stack.pop()
            stack[-1].inner.append(inner)
        elif ends and ends[2]:
            stack[-1].edges.setdefault((ends[1], ends[2]), []).append(attributes)
        elif ends and ends[1] == "graph":
            stack[-1].about |= attributes
        elif ends and ends[1] not in ("node", "edge"):
            stack[-1].nodes[ends[1]] = attributes
    [whole] = stack[0].inner
    return whole


def _told(attributes: dict[str, str], name: str = "label") -> str:
    """A quoted attribute, as Graphviz reads it."""
    text = attributes[name]
    assert text[0] == text[-1] == '"'
    return unescape(re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), text[1:-1]))


def _all(whole: Cluster) -> tuple[dict[str, dict[str, str]], list[tuple[str, str, dict[str, str]]]]:
    """All nodes and all edges."""
    nodes = {name: node for cluster in whole.walk() for name, node in cluster.nodes.items()}
    found = ((ends, edge) for cluster in whole.walk() for ends, edges in cluster.edges.items() for edge in edges)
    return nodes, [(*ends, edge) for ends, edge in found]


def test_dot_is_what_another_parser_reads(tmp_path: Path, twice: LayerGraph) -> None:
    networks: tuple[tuple[LayerGraph | str, ...], ...] = (
        (twice,),
        ("specs/examples/feature_pyramid.yaml",),
        ("specs/examples/lenet.yaml", twice),
    )
    for graphs in networks:
        text = _saved(tmp_path, ".dot", *graphs, titles=[HOSTILE] * len(graphs))
        read, scanned = _parsed(text), _scanned(text)
        assert read.inner
        assert read.inner == scanned.inner


def test_dot_has_the_edges_of_the_layer_graph_whatever_frames_lie_between(tmp_path: Path, twice: LayerGraph) -> None:
    for graph in (twice, *map(archspec.compile, EXAMPLES)):
        nodes, edges = _all(_scanned(_saved(tmp_path, ".dot", graph, level="layer")))
        paths = {name: _told(node, "tooltip").partition(":")[0] for name, node in nodes.items() if "tooltip" in node}
        found = Counter((paths[source], paths.get(target, "")) for source, target, _ in edges)
        expected = Counter((source, path) for path, node in graph.nodes.items() for source in node.inputs)
        expected.update((path, "") for path in graph.outputs.values())
        assert found == expected, graph.name


def test_dot_shows_what_the_picture_shows(tmp_path: Path) -> None:
    whole = _scanned(_saved(tmp_path, ".dot", "resnet18", horizontal=True, theme="dark", macs=True))
    assert whole.about["rankdir"] == "LR"
    clusters = {_told(cluster.about).split("\n")[0]: cluster for cluster in whole.inner[0].walk()}
    assert {"layer1", "layer2", "layer2.0", "layer2.1", "downsample"} <= clusters.keys()
    unit = clusters["layer4.0"]
    assert _told(unit.about, "fillcolor") == "#0d1117"
    [(first, conv), (norm, _)] = unit.inner[0].nodes.items()
    assert _told(conv).split("\n") == ["conv 1x1, 512, /2", "6.423 M MACs"]
    assert _told(conv, "fillcolor") == "#1f4e79"
    [merge] = (name for name, node in unit.nodes.items() if node.get("shape") == "circle")
    assert _told(unit.nodes[merge]) == "+"
    edges = whole.inner[0].edges
    assert edges[first, norm] == [{"label": '"512x7x7"', "style": "dashed"}]
    assert edges[norm, merge] == [{"style": "dashed"}]
    dashed = Counter("style" in edge for among in edges.values() for edge in among)
    assert dashed[True] == 9  # three projections: to each, in it, from it


def test_networks_side_by_side_and_blocks(tmp_path: Path) -> None:
    panels = _scanned(_saved(tmp_path, ".dot", "resnet18", "resnet34")).inner
    assert [_told(panel.about)[:9] for panel in panels] == ["resnet18\n", "resnet34\n"]
    marked = [sum("#1a7f37" in node.get("color", "") for node in _all(panel)[0].values()) for panel in panels]
    assert marked[0] == 0 < marked[1]  # what was added
    panels = _scanned(_saved(tmp_path, ".dot", "resnet50", block="bottleneck")).inner
    terminals = [[_told(node) for node in panel.nodes.values() if node.get("shape") == "plaintext"] for panel in panels]
    assert terminals == [["input", "output"]] * 3


# Mermaid

LABEL = r'"((?:[^"&;#]|\#\d+;)*)"'
STATEMENT = re.compile(
    rf"""\s*(?:
    subgraph\ (?P<part>\w+)\[{LABEL}\] | direction\ (?:TB|LR) | (?P<end>end)
    | (?P<box>\w+)(?:\[{LABEL}\](?::::terminal)?|\(\({LABEL}\)\))
    | (?P<source>\w+)\ (?P<arrow>-->|-\.->)(?:\|{LABEL}\|)?\ (?P<target>\w+)
    | class\ (?P<styled>\w+)\ (?P<kind>\w+) | classDef\ \w+\ (?:(?:,|\b)[\w-]+:\#?\w+)+
    )""",
    re.VERBOSE,
)


def _statements(text: str) -> list[re.Match[str]]:
    head, chart, *lines, digest = text.splitlines()
    assert digest.startswith("%% archspec.digest: ")  # a comment
    assert json.loads(head.removeprefix("%%{init: ").removesuffix("}%%"))["theme"] == "base"
    assert chart in ("flowchart TB", "flowchart LR")
    found = [match for line in lines if (match := STATEMENT.fullmatch(line))]
    assert len(found) == len(lines)
    depth = 0
    for match in found:
        depth += bool(match["part"]) - bool(match["end"])
        assert depth >= 0
    assert depth == 0
    named = [match["part"] or match["box"] for match in found if match["part"] or match["box"]]
    assert len({*named}) == len(named)
    assert {match[key] for match in found for key in ("source", "target", "styled") if match[key]} <= {*named}
    return found


def _spelled(label: str) -> str:
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), label)


def test_mermaid_has_the_boxes_and_edges_that_dot_has(tmp_path: Path, twice: LayerGraph) -> None:
    for graph in (twice, *map(archspec.compile, EXAMPLES)):
        found = _statements(_saved(tmp_path, ".mmd", graph))
        nodes, edges = _all(_scanned(_saved(tmp_path, ".dot", graph)))
        assert {match["box"] for match in found if match["box"]} == nodes.keys()
        arrows = [(match["source"], match["target"], match["arrow"] == "-.->") for match in found if match["arrow"]]
        assert Counter(arrows) == Counter((source, target, "style" in edge) for source, target, edge in edges)


# Text that is not trusted


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1, max_size=60) | st.text('"\\<>[]{}()|#&;:%-_*`$./ \nenda1', min_size=1, max_size=60))
def test_any_title_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, title: str) -> None:
    _read_back(tmp_path_factory.mktemp("title"), title)


def test_a_hostile_title_comes_back_as_it_was(tmp_path: Path) -> None:
    _read_back(tmp_path, HOSTILE)


@cache
def small() -> LayerGraph:
    return archspec.compile(
        load_text("archspec: 1\nname: small\ninput: {channels: 1, height: 2, width: 2}\nlayers: [relu]")
    )


def _read_back(folder: Path, title: str) -> None:
    expected = shortened(title, 200)
    [panel] = _parsed(_saved(folder, ".dot", small(), titles=[title])).inner
    assert _told(panel.about).split("\n")[0] == expected
    first, *_ = _statements(_saved(folder, ".mmd", small(), titles=[title]))
    assert _spelled(first[2]).startswith(f"{expected}: 1x2x2")
    # Whatever Mermaid gives Markdown and HTML is letters and digits, and signs that mean nothing where they stand.
    assert not re.search(r"[<>`*\[\]\\$%@~=|]|://|www\.|^[-+\d]*[.)] |\b_|_\b", re.sub(r"#\d+;", "", first[2]))


# The layer graph


def _kept(graph: LayerGraph) -> dict[str, tuple[str, str, int, int]]:
    return {
        path: (
            data["op"],
            shape_text(data["shape"]),
            sum(weight.size for weight in graph.weights(data["node"]) if weight.trainable),
            data["node"].op.macs(graph.input_types(data["node"]), data["node"].types),
        )
        for path, data in graph.nx.nodes(data=True)
    }


def test_json_is_the_layer_graph_for_networkx(tmp_path: Path, twice: LayerGraph) -> None:
    for graph in (twice, archspec.compile("resnet50")):
        text = _saved(tmp_path, ".json", graph, level="stage")
        found = networkx.node_link_graph(json.loads(text), edges="edges")
        assert isinstance(found, networkx.MultiDiGraph)
        assert {
            path: (data["op"], shape_text(data["shape"]), data["parameters"], data["macs"])
            for path, data in found.nodes(data=True)
        } == _kept(graph)
        assert list(found) == list(graph.nx)
        assert networkx.DiGraph(found).edges == graph.nx.edges
        operands = {(target, key): source for source, target, key in found.edges(keys=True)}
        assert operands == {
            (path, n): source for path, node in graph.nodes.items() for n, source in enumerate(node.inputs)
        }
        assert all(data["index"] == key for _, _, key, data in found.edges(keys=True, data=True))
        assert found.graph["outputs"] == graph.outputs
        assert found.graph["macs"] == graph.macs
        assert text == _saved(tmp_path, ".json", graph)


def test_json_says_of_a_node_what_the_spec_says(tmp_path: Path, twice: LayerGraph) -> None:
    nodes = {node["id"]: node for node in json.loads(_saved(tmp_path, ".json", twice))["nodes"]}
    assert nodes["conv"]["kind"] == "convolution"
    assert nodes["conv"]["attributes"] == {"filters": 4, "kernel": [3, 3], "stride": [2, 2], "padding": [0, 1, 0, 1]}
    assert nodes["conv"]["receptive_field"] == {"input": {"size": [3, 3], "stride": [2, 2], "start": [0, 0]}}
    assert nodes["upsample"]["receptive_field"]["input"]["stride"] == ["2/3", "2/3"]
    homes = {path: (node["scope"], node["block"]) for path, node in nodes.items()}
    assert homes["doubled.add"] == ("doubled", "doubled")
    assert homes["wrapped.relu"] == ("wrapped", "")
    assert homes["input"] == homes["conv"] == ("", "")
    init = json.loads(_saved(tmp_path, ".json", "resnet50"))["nodes"][1]["attributes"]["init"]
    assert init == "kaiming_normal(fan_out)"


def test_graphml_is_the_layer_graph_for_networkx(tmp_path: Path, twice: LayerGraph) -> None:
    for graph in (twice, archspec.compile("resnet50")):
        _saved(tmp_path, ".graphml", graph)
        found = networkx.read_graphml(tmp_path / "net.graphml", force_multigraph=True)
        assert {
            path: (data["op"], data["shape"], data["parameters"], data["macs"]) for path, data in found.nodes(data=True)
        } == _kept(graph)
        assert Counter((source, target, data["index"]) for source, target, data in found.edges(data=True)) == Counter(
            (source, path, n) for path, node in graph.nodes.items() for n, source in enumerate(node.inputs)
        )
        assert found.graph["name"] == graph.name
        written = json.loads(_saved(tmp_path, ".json", graph))["nodes"]
        for node in written:
            data = found.nodes[node["id"]]
            assert json.loads(data["attributes"]) == node["attributes"]
            assert json.loads(data["receptive_field"]) == node["receptive_field"]
            assert (data["scope"] or "") == node["scope"]


def test_a_title_that_xml_cannot_write(tmp_path: Path) -> None:
    text = 'archspec: 1\nname: odd\ntitle: "<&\\a\\" ]]>"\ninput: {channels: 1, height: 2, width: 2}\nlayers: [relu]'
    _saved(tmp_path, ".graphml", archspec.compile(load_text(text)))
    assert networkx.read_graphml(tmp_path / "net.graphml").graph["title"] == '<&\ufffd" ]]>'


@pytest.mark.parametrize("suffix", [".json", ".graphml"])
def test_a_graph_file_holds_one_network(tmp_path: Path, suffix: str, twice: LayerGraph) -> None:
    with pytest.raises(archspec.OutputError, match="one network's graph") as raised:
        _saved(tmp_path, suffix, twice, small())
    assert raised.value.diagnostics[0].code == "E0605"
    assert not list(tmp_path.iterdir())
    whole = _saved(tmp_path, suffix, "resnet50", block="bottleneck")  # two panels of one network
    assert whole == _saved(tmp_path, suffix, "resnet50")
