"""How SPU is run: the settings that a cost model is measured for."""

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
    """`precision` default: SPU's own. fast: products off by up to one bit, a coarser exp.

    `weights` shared: both parties hold shares of them. colocated: the server alone has them, and
    the prompt is the client's alone. `threads` is of each party; SPU splits vectors among them,
    and bytes depend on the parts.
    """

    precision: str = "default"
    weights: str = "shared"
    threads: int = 2

    @property
    def colocated(self) -> bool:
        return self.weights == "colocated"

    @property
    def exp_iterations(self) -> int:
        """N of exp(x) = (1 + x / 2^N)^(2^N)."""
        return 5 if self.precision == "fast" else 8

    @property
    def mask(self) -> float:
        """Returns what is added to a masked score: where SPU's exp is 0, and farthest from
        -2^(N+1), below which it grows without bound.
        """
        return -float(2**self.exp_iterations)

    @property
    def cost_model(self) -> str:
        return f"spu_{VERSION}_{self.precision}_{self.weights}"

    def to_json(self) -> str:
        """A RuntimeConfig of SPU; nested messages set on the Python object would be lost."""
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
