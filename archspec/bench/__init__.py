"""How long networks take: engines measured in turn, round by round, each held to the first one's outputs."""
