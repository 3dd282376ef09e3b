"""The run folders and checkpoints of `aero train`, read without PyTorch."""
