"""The Python half of AERO: what prepares its data, checks it, reads its results and runs its models
encrypted. docs/architecture.md has the floor plan.
"""
