"""An independent second writing of AERO in plain PyTorch, to compare AERO with.

`decoder` is the models (`attention`, `entropy`, `feed_forward`, `linear`, `norm`, `simplified` and
`weights` their parts), `huggingface` maps parameter names to transformers'
own, `tokens` is the token files and the order in which they are visited, `training` the recipe,
`nanogpt` a GPT-2 whose speed is AERO's measure, `authors` the method's models computed as the
authors' public code does it.
Nothing here shares code with the C++ library.
"""
