"""Reads AERO's configs and cost models."""
