"""Checks on a card that AERO computes what it computes on a CPU, by its tests and trial runs."""
