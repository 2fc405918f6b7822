"""The op snake for archspec: what it is, and how each backend writes it."""
