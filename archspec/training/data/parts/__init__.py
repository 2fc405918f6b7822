"""The source that a program's `data.py` is put together from: see `archspec.training.data`.

A module here may import Python's library, NumPy and, inside of functions, what one format needs; of archspec only names
of other modules of this package. All their names are different, private ones too, since they end up in one file.
"""
