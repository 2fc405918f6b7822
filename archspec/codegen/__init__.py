"""From a layer graph to source: the module tree, and what all backends print with."""
