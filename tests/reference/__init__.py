"""Models written by hand, independent of archspec, that generated ones are judged by."""
