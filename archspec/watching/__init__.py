"""`archspec watch`: a spec is checked and drawn anew on each save, in the terminal and on a page."""
