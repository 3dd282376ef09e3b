"""Holds the settings of SPU that a cost model is measured for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

VERSION = "0.9.5"
CLIENT, SERVER = 0, 1
FIELD_BITS = 64
FRACTION_BITS = 18
# A fixed-point number of the field lies below this; so must a product before its truncation,
# which has twice the fractional bits.
LARGEST_NUMBER = 2.0 ** (FIELD_BITS - 1 - FRACTION_BITS)
LARGEST_PRODUCT = 2.0 ** (FIELD_BITS - 1 - 2 * FRACTION_BITS)


@dataclass(frozen=True)
class Settings:
    """Holds precision, weights and threads of a run.

    With `precision` default SPU keeps its own settings; with fast, products are off by up to one
    bit and exp is coarser. With `weights` shared both parties hold shares of them; with
    colocated the server alone has them, and the client alone has the prompt. Each party has
    `threads` threads. SPU splits vectors among them, and bytes depend on the parts.
    """

    precision: str = "default"
    weights: str = "shared"
    threads: int = 2

    @property
    def colocated(self) -> bool:
        return self.weights == "colocated"

    @property
    def exp_iterations(self) -> int:
        """Returns N of exp(x) = (1 + x / 2^N)^(2^N)."""
        return 5 if self.precision == "fast" else 8

    @property
    def mask(self) -> float:
        """Returns the number to add to a masked score.

        SPU's exp is 0 there, and it is farthest from -2^(N+1), below which exp grows without bound.
        """
        return -float(2**self.exp_iterations)

    @property
    def cost_model(self) -> str:
        return f"spu_{VERSION}_{self.precision}_{self.weights}"

    def to_json(self) -> str:
        """Returns SPU's RuntimeConfig. Nested messages set on the Python object would be lost."""
        config: dict[str, Any] = {
            "protocol": "CHEETAH",
            "field": "FM64",
            "max_concurrency": self.threads,
            "fxp_fraction_bits": FRACTION_BITS,
            "fxp_exp_iters": self.exp_iterations,
            "enable_pphlo_profile": True,
            "enable_hal_profile": True,
            "experimental_enable_colocated_optimization": self.colocated,
            "cheetah_2pc_config": {
                "enable_mul_lsb_error": self.precision == "fast",
                "ot_kind": "YACL_Ferret",
            },
        }
        return json.dumps(config)
