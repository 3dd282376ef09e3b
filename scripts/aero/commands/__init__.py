"""What each script does: its options, and the work that it starts."""
