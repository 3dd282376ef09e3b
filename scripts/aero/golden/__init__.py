"""The reference values of tests/golden, made by libraries and by the reference decoder."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # transformers reads it as it loads: nothing is downloaded
