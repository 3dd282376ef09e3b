"""Reads the results of AERO's runs and sweeps, and the papers' tables, for tables and figures."""
