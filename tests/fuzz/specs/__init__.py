"""Strategies that draw valid specs, over the whole language and op set."""
