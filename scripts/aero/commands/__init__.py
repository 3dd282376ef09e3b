"""Holds a module for each script, with its options and the work that it starts."""
