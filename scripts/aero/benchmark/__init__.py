"""What the benchmarks share: a step's sizes, the sides that take turns at it, and their times.

`setting` says what a step is, `aero_side` and `pytorch_side` take a turn of it in a process of its
own (`processes`), `measured` holds their times; `card`, `budget` and `store` are for runs on a GPU
that end in time and go on where they were; `step_scenes` and `training_rows` are what the programs
under scripts/gpu measure.
"""
