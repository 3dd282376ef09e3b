"""Private inference of AERO's checkpoints between two parties, on SecretFlow SPU's CHEETAH.

`checkpoint`, `folding` and `program` turn a checkpoint into a list of stages, each one operation of
the cost models; `plain` runs the stages in the clear, `session` under encryption, `party` is what
one of the two processes does. `probes`, `constants`, `seconds` and `cost_file` make a cost model.
"""
