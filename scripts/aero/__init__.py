"""The Python half of AERO prepares its data, checks it, reads its results and runs its models
encrypted. docs/architecture.md has the floor plan.
"""
