"""A pytest plugin for those who write specs: `pytest --archspec`. It is not part of the package `archspec`, because
pytest imports it in every run, and must not import archspec with it.
"""
