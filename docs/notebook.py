"""Run the notebooks of docs/ and keep what they print and draw: `python -m docs.notebook`.

A cell with the tag `varies` prints numbers that depend on the machine. All other outputs are the same everywhere, and a
test holds the kept ones against them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import nbformat
from nbclient import NotebookClient

NOTEBOOKS: Final = sorted(Path(__file__).parent.glob("*.ipynb"))


def read(path: Path) -> Any:
    """A notebook as it is kept, of a form that nbformat finds right."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def executed(notebook: Any) -> Any:
    """The notebook with the outputs of a run of all its cells, in a process and a folder of their own.

    Raises:
        CellExecutionError: a cell has failed.
    """
    notebook = nbformat.from_dict(notebook)
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    with TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=600,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": folder}},
        )
        client.execute()
    notebook.metadata["language_info"] = {"name": "python", "file_extension": ".py"}
    return notebook


def page(notebook: Any, pictures: str) -> tuple[str, dict[str, str]]:
    """A notebook as the text of a page in Markdown, and its pictures by their names, which begin with `pictures`."""
    parts: list[str] = []
    drawn: dict[str, str] = {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(_fenced("python", cell.source))
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/svg+xml" in data:
                name = f"{pictures}_{len(drawn) + 1}.svg"
                drawn[name] = data["image/svg+xml"]
                parts.append(f"![{data['text/plain'].strip('<>')}]({name})")
            else:
                parts.append(_fenced("text", data.get("text/plain", output.get("text"))))
    return "\n\n".join(parts) + "\n", drawn


def _fenced(kind: str, text: str) -> str:
    return f"~~~{kind}\n{text.rstrip()}\n~~~"


def main() -> int:
    """Run all of them."""
    for path in NOTEBOOKS:
        nbformat.write(executed(read(path)), path)
        print(f"{path} run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
