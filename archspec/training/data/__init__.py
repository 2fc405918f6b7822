"""Data for training: formats, preparations, augmentations and batches, printed into a program's `data.py`.

`parts/` holds plain NumPy source. Each of its modules is linted, typed and tested where it lies, and is printed as it
stands into a `data.py` that needs it (`printing.py`), so what is tested is what runs. `config.py` says what a
program's data are, `module.py` prints it, `facts.py` looks at the data before anything is trained.
"""
