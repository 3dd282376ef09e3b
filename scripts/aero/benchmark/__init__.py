"""Measures training steps of AERO and PyTorch in turns, and trains the papers' models on a card.

`setting` defines a step. `aero_side` and `pytorch_side` take a turn of it in their own process
(`processes`), and `measured` holds their times. `card`, `budget` and `store` let runs on a GPU end
in time and continue later. `step_scenes` and `training_rows` list what the programs under
scripts/gpu measure.
"""
