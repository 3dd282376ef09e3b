"""Whether AERO does on a card what it does on a CPU: its tests, and trial runs."""
