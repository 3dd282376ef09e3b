"""Holds what all rooms share: signals, errors, files, JSON with comments, options, tables."""
