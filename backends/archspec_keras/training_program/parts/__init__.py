"""Plain source that a program is made of, printed as it stands: linted and typed here, so what is tested runs."""
