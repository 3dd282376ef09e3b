"""Reads the run folders and checkpoints of `aero train` without PyTorch."""
