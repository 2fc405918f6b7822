"""Source that programs are made of, printed as it stands: linted and typed here."""
