"""Runs the programs of several folders one after the other in this process: `python many.py FOLDER...`."""

import runpy
import sys
from pathlib import Path


def main(folders: list[str]) -> None:
    for folder in folders:
        path = Path(folder)
        for file in path.glob("*.py"):
            sys.modules.pop(file.stem, None)
        sys.path.insert(0, folder)
        sys.argv = ["train.py", *(path / "arguments.txt").read_text(encoding="utf-8").split("\n")]
        try:
            runpy.run_path(str(path / "train.py"), run_name="__main__")
        except SystemExit as error:
            if error.code:
                raise
        sys.path.remove(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
