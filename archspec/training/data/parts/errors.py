"""The error for data that are not what was expected."""


class DataError(ValueError):
    """What is wrong with the data, and in which file; before the first step, wherever it can be seen by then."""
