"""The parts depend on each other in one direction, and the core imports no framework."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "archspec"
FRAMEWORKS = {"torch", "keras", "tensorflow", "jax", "onnx", "onnxruntime"}

# What each part must not import, wherever the import stands.
FORBIDDEN = {
    "errors.py": {"archspec.spec", "archspec.ir", "archspec.codegen", "archspec.lowering", "archspec.expr"},
    "expr": {"archspec.spec", "archspec.ir", "archspec.codegen", "archspec.lowering"},
    "spec": {"archspec.ir", "archspec.codegen", "archspec.lowering", "archspec.passes"},
    "ir": {"archspec.spec", "archspec.codegen", "archspec.lowering", "archspec.passes"},
    "passes": {"archspec.spec", "archspec.codegen", "archspec.lowering"},
    "codegen": {"archspec.spec"},
    "analysis": {"archspec.spec", "archspec.lowering", "archspec.passes", "archspec.codegen", "archspec.commands"},
}


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def _files(part: str) -> list[Path]:
    path = ROOT / part
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


@pytest.mark.parametrize("part", FORBIDDEN)
def test_a_part_imports_only_what_it_may(part: str) -> None:
    files = _files(part)
    assert files
    for path in files:
        for name in _imports(path):
            for forbidden in FORBIDDEN[part]:
                assert not f"{name}.".startswith(f"{forbidden}."), f"{path} imports {name}"


def test_networkx_is_imported_in_one_file() -> None:
    users = {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py") if "networkx" in _imports(path)}
    assert users == {"ir/graph.py"}


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
        "from archspec.cli import main; main(['build', 'resnet50', '--no-verify', '-o', '-'])",
        "from archspec.cli import main; main(['build', 'resnet50', '--backend', 'keras', '--no-verify', '-o', '-'])",
        "from archspec.cli import main; main(['build', 'resnet50', '--emit', 'ir'])",
        "from archspec.cli import main; main(['count', 'resnet50', 'lenet', '--form', 'paper'])",
        "from archspec.cli import main; main(['diff', 'resnet18', 'resnet50'])",
        "from archspec.cli import main; main(['--color', 'always', 'summary', 'resnet50'])",
        "import archspec; archspec.init_weights('lenet')",
        "from archspec.cli import main; main(['init', 'lenet', '-o', '/dev/null/none.safetensors'])",
        "import archspec; from archspec.watching.look import look; look(lambda _: archspec.compile('lenet'), 'unit')",
        "import uvicorn, starlette.applications, archspec.watching.server, archspec.watching.terminal",
        "import archspec_torch, archspec_keras, archspec_onnx",
    ],
)
def test_the_core_imports_no_framework(code: str) -> None:
    assert not _modules_after(code) & FRAMEWORKS


def test_validating_imports_neither_networkx_nor_numpy_nor_jinja() -> None:
    found = _modules_after("from archspec.cli import main; main(['validate', 'resnet50'])")
    assert not found & {"networkx", "numpy", "jinja2", "safetensors"}
