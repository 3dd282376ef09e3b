"""What a run tells, beside what AERO itself says of the model."""
