"""Makes the reference values of tests/golden by other libraries and by the reference decoder."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # transformers reads it on import: nothing is downloaded
