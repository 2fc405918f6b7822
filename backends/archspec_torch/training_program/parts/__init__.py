"""Python that training programs may bring along: plain modules, linted and typed here.

None of them imports archspec. Each defines what its name says; `printing` puts those that a program
needs into its `train.py`, as they stand.
"""
