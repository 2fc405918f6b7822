"""Training programs for PyTorch: a plan printed as a plain loop."""
