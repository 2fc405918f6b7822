"""Tables of features as text: CSV."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.examples import Examples, InMemory, file_size


@dataclass(frozen=True)
class CsvTable:
    """Rows of numbers from `SPLIT.csv`, whose first line has the names of the columns. They are read into memory.

    Every column but the target's is a feature, in the order of the file.
    """

    target: str = "label"
    """The column of the target."""
    classes: tuple[str, ...] | None = None
    """The texts of the target's column that stand for the classes 0, 1, ...; None: the target is a number."""

    def open(self, folder: Path, split: str) -> Examples:
        """The examples of a split: features (columns,).

        Raises:
            DataError: the file is not there, or a line does not fit.
        """
        path = folder / f"{split}.csv"
        file_size(path, "a table with a line of names first")
        rows: list[list[float]] = []
        targets: list[float] = []
        labels = {name: label for label, name in enumerate(self.classes or ())}
        line = 1
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                lines = csv.reader(file)
                names = next(lines, [])
                if names.count(self.target) != 1:
                    raise DataError(
                        f"{path}: the first line must name the column {self.target!r} once; it has {', '.join(names)}"
                    )
                at = names.index(self.target)
                for row in filter(None, lines):
                    line = lines.line_num
                    where = f"{path}, line {line}"
                    if len(row) != len(names):
                        raise DataError(f"{where}: {len(row)} values, expected {len(names)}")
                    text = row.pop(at).strip()
                    if self.classes is not None and text not in labels:
                        raise DataError(f"{where}: the class {text!r} is not one of {', '.join(self.classes)}")
                    targets.append(labels[text] if self.classes is not None else float(text))
                    rows.append([float(value) for value in row])
                    if not all(map(math.isfinite, (*rows[-1], targets[-1]))):
                        raise DataError(f"{where}: a value that is not finite, expected numbers")
        except (ValueError, csv.Error) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{path}, line {line}: expected numbers ({error})") from None
        features = np.array(rows, np.float32).reshape(len(rows), len(names) - 1)
        kind = np.float32 if self.classes is None else np.int64
        return Examples(InMemory(features), np.array(targets, kind), self.classes or (), features.shape[1:], str(path))
