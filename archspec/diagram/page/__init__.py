"""The HTML page of a network: one file that works offline, whose picture can be folded, searched and read."""
