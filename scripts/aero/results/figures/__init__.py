"""Draws figures, one or two a module, each of which computes its data apart from drawing it."""
