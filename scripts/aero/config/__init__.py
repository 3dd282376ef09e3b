"""AERO's configs as Python reads them."""
