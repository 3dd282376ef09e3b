"""Runs AERO's checkpoints privately between two parties, on SecretFlow SPU's CHEETAH.

`program` turns a checkpoint into a list of stages, each one operation of the cost models, and runs
them in the clear. `run` runs them under encryption, `measure` makes a cost model, and `report`
prints what a run took and how far its results are off.
"""
