"""Holds the programs of scripts/gpu, which check and measure AERO on a card."""
