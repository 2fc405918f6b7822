"""Plain source that a program is made of, printed as it stands. Linted, typed and tested here: so is what runs."""
