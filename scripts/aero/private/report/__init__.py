"""Reports what a run measured, beside what AERO itself says of the model."""
