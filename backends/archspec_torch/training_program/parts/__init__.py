"""Python that training programs may bring along: plain modules, linted and typed here, printed as they stand.

None of them imports archspec. Each defines what its name says; `printing` puts those that are needed into `train.py`.
"""
