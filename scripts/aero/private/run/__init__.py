"""Runs a plan under encryption: two processes, a line between them, shares, SPU's session."""
