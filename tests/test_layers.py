"""The parts depend on each other in one direction, and the core imports no framework."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import networkx
import pytest

ROOT = Path(__file__).parent.parent / "archspec"
FRAMEWORKS = {"torch", "keras", "tensorflow", "jax", "onnx", "onnxruntime", "openvino"}
PACKAGES = (ROOT, *sorted(path.parent for path in (ROOT.parent / "backends").glob("*/__init__.py")))

MAY_IMPORT: Final = {
    "_version": "",
    "archives": "",
    "display": "",
    "process_exit": "",
    "standard_error": "",
    "records": "",
    "reserved_names": "",
    "starters": "",
    "errors": "display records",
    "entry_points": "errors",
    "explanations": "errors",
    "limits": "errors",
    "reporting": "errors",
    "worker_process": "errors",
    "atomic_files": "errors",
    "wire_format": "",
    "weights_addresses": "",
    "file_identification": "archives atomic_files wire_format",
    "digests": "errors atomic_files",
    "picture_files": "errors atomic_files digests",
    "expr": "limits records",
    "ir": "display entry_points errors expr limits records reserved_names",
    "spec": "display errors expr file_identification limits records reserved_names reporting atomic_files "
    "weights_addresses",
    "attribute_schema": "ir spec",
    "schema": "attribute_schema ir digests spec",
    "suggestions": "errors expr ir spec",
    "lowering": "errors expr ir limits records reserved_names spec suggestions",
    "passes": "errors ir reserved_names",
    "codegen": "_version entry_points errors expr ir limits digests atomic_files reserved_names",
    "initialization": "ir reporting digests",
    "weights": "archives codegen errors expr file_identification initialization ir limits spec digests "
    "atomic_files wire_format weights_addresses",
    "provenance": "errors ir spec",
    "analysis": "display ir reporting",
    "diagram": "analysis codegen errors ir picture_files provenance digests atomic_files",
    "api": "codegen initialization ir limits lowering passes spec suggestions weights",
    "model_weights": "api codegen ir limits spec weights",
    "shipped_networks": "api spec",
    "libraries": "api errors ir limits spec",
    "recipe": "attribute_schema errors expr ir limits lowering schema digests spec atomic_files suggestions",
    "training": "api codegen errors ir passes picture_files recipe spec digests atomic_files _version",
    "parity": "analysis api codegen errors expr initialization ir passes picture_files reporting weights training "
    "recipe spec worker_process",
    "bench": "analysis api codegen errors ir parity picture_files worker_process",
    "quantization": "api codegen errors ir training",
    "archspec_onnx": "_version bench codegen errors expr initialization ir passes digests quantization",
    "archspec_openvino": "archspec_onnx codegen errors ir digests",
    "archspec_torch": "bench codegen errors expr ir limits quantization reserved_names digests atomic_files training "
    "recipe",
    "archspec_keras": "bench codegen errors expr ir limits passes reserved_names digests atomic_files training recipe "
    "weights",
    "checkpoints": "api codegen errors ir spec digests atomic_files weights wire_format weights_addresses",
    "hub": "_version api digests errors ir limits spec atomic_files weights weights_addresses",
    "prediction": "api atomic_files codegen errors hub ir limits spec training weights weights_addresses",
    "inspection": "analysis api diagram errors ir limits spec",
    "watching": "analysis diagram errors ir reporting",
    "build_output": "api codegen digests errors initialization ir parity",
    "archspec": "_version analysis api display errors hub ir limits model_weights prediction reporting spec inspection "
    "weights",
    "pytest_plugin": "api codegen errors ir libraries parity recipe digests spec build_output",
    "commands": "analysis api bench checkpoints codegen diagram process_exit errors explanations hub initialization ir "
    "libraries limits parity prediction picture_files quantization recipe reporting schema digests spec starters "
    "atomic_files training inspection watching weights weights_addresses build_output shipped_networks standard_error",
    "arguments": "_version commands process_exit errors",
    "cli": "arguments commands process_exit errors reporting",
    "quiet_frameworks": "standard_error",
    "entry": "cli quiet_frameworks",
    "__main__": "entry",
}
"""The parts, each after those that it imports. A part is what stands directly in `archspec`, or a backend."""


def _modules() -> dict[str, Path]:
    """The files of archspec and of its backends, by the names of their modules."""
    found = {}
    for package in PACKAGES:
        for path in package.rglob("*.py"):
            name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


def _named(node: ast.AST, modules: Mapping[str, Path]) -> Iterator[str]:
    """The modules that a piece of code names: by an import, or in a string that a module is imported by.

    Such a string is `archspec.module`, `archspec.module:name`, or how all modules of a part begin: `archspec.part.`.
    The name of a package alone, as `archspec.weights`, is none: keys of metadata are called so.
    """
    match node:
        case ast.Import():
            yield from (alias.name for alias in node.names if alias.name in modules)
        case ast.ImportFrom(module=str(module), level=0):
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                yield from (name for name in (inner if inner in modules else module,) if name in modules)
        case ast.ImportFrom():
            raise AssertionError(f"a relative import: {ast.unparse(node)}")
        case ast.Constant(value=str(text)):
            name, _, shown = text.partition(":")
            if name in modules and (shown.isidentifier() or modules[name].name != "__init__.py"):
                yield name
            elif name.count(".") > 1 and name.endswith("."):
                yield from (inner for inner in modules if inner.startswith(name))
        case _:
            pass


@cache
def _imports() -> dict[str, set[str]]:
    """The modules of ours that each one imports, wherever that stands: in a function, or for types alone."""
    modules = _modules()
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in modules.items()}
    return {
        name: {found for node in ast.walk(tree) for found in _named(node, modules)} - {name}
        for name, tree in trees.items()
    }


def _part(module: str) -> str:
    """The part that a module is of: a backend, or what stands directly in `archspec`."""
    package, _, inner = module.partition(".")
    return inner.partition(".")[0] if package == "archspec" and inner else package


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = networkx.DiGraph([(name, other) for name, others in _imports().items() for other in others])
    circles = [found for found in networkx.strongly_connected_components(graph) if len(found) > 1]
    for found in circles:
        first, *edges = networkx.find_cycle(graph.subgraph(found))
        pytest.fail(" imports ".join((first[0], first[1], *(edge[1] for edge in edges))), pytrace=False)


def test_a_part_imports_what_the_table_says_and_nothing_else() -> None:
    found: dict[str, set[str]] = {_part(name): set() for name in _imports()}
    for name, others in _imports().items():
        found[_part(name)] |= {_part(other) for other in others} - {_part(name)}
    assert found == {part: set(others.split()) for part, others in MAY_IMPORT.items()}


def test_no_parts_import_each_other_in_a_circle() -> None:
    before: set[str] = set()
    for part, others in MAY_IMPORT.items():
        assert before >= set(others.split()), f"{part} stands before what it may import"
        before.add(part)


def test_networkx_is_imported_in_one_file() -> None:
    imported = re.compile(r"^ *(import|from) networkx\b", re.MULTILINE)
    users = [path for path in _modules().values() if imported.search(path.read_text(encoding="utf-8"))]
    assert users == [ROOT / "ir" / "graph.py"]


def test_no_python_names_a_family_of_networks() -> None:
    families = ("resnet", "resnext", "densenet", "inception", "mobilenet", "bottleneck")
    sources = [*ROOT.rglob("*.py"), *(ROOT.parent / "backends").rglob("*.py")]
    for path in sources:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        names |= {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value
        }
        found = {name for name in names if any(family in name.lower() for family in families)}
        assert not found, f"{path} knows {found}"


def _modules_after(code: str) -> set[str]:
    script = f"{code}\nimport sys; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.splitlines()}


@pytest.mark.parametrize(
    "code",
    [
        "import archspec",
        "import archspec; archspec.compile('resnet50')",
        "from archspec.cli import main; main(['validate', 'resnet50'])",
        "from archspec.cli import main; main(['list'])",
        "from archspec.cli import main; main(['validate', 'cifar10_keras', '--network', 'cifar_resnet_keras'])",
        "from archspec.cli import main; main(['build', 'resnet50', '--no-verify', '-o', '-'])",
        "from archspec.cli import main; main(['build', 'resnet50', '--backend', 'keras', '--no-verify', '-o', '-'])",
        "from archspec.cli import main; main(['build', 'resnet50', '--emit', 'ir'])",
        "from archspec.cli import main; main(['count', 'resnet50', 'lenet', '--form', 'paper'])",
        "from archspec.cli import main; main(['diff', 'resnet18', 'resnet50'])",
        "from archspec.cli import main; main(['--color', 'always', 'summary', 'resnet50'])",
        "import archspec; archspec.init_weights('lenet')",
        "from archspec.cli import main; main(['init', 'lenet', '-o', '/dev/null/none.safetensors'])",
        "import archspec; from archspec.watching.snapshot import take_snapshot; "
        "take_snapshot(lambda _: archspec.compile('lenet'), 'unit')",
        "import uvicorn, starlette.applications, archspec.watching.server, archspec.watching.terminal",
        "import archspec_torch, archspec_keras, archspec_onnx, archspec_openvino",
    ],
)
def test_the_core_imports_no_framework(code: str) -> None:
    assert not _modules_after(code) & FRAMEWORKS


def test_validating_imports_neither_networkx_nor_numpy_nor_jinja() -> None:
    found = _modules_after("from archspec.cli import main; main(['validate', 'resnet50'])")
    assert not found & {"networkx", "numpy", "jinja2", "safetensors"}
