"""Does one recipe train a network alike in several frameworks? See `archspec.parity.recipes.comparison`."""
