"""The specs that ship: against published figures, other implementations, and each other."""
