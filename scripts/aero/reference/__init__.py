"""Implements AERO a second time in plain PyTorch, independently, to compare AERO with.

`decoder` has the models, and `attention`, `entropy`, `feed_forward`, `linear`, `norm`, `simplified`
and `weights` their parts. `huggingface` maps parameters to those of transformers. `tokens` reads
token files in the order in which training visits them, and `training` has the recipe. `nanogpt` is
a GPT-2 against which AERO's speed is measured, and `authors` computes the method's models as the
authors' public code does. `finished_run` and `retraining` train a finished run again.
Nothing here shares code with the C++ library.
"""
