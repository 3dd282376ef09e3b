"""A module a figure or two: what is drawn, computed apart from how it is drawn."""
