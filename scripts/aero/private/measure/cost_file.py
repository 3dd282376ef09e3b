"""Writes a cost model file of AERO from measured constants."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from aero.private.measure.constants import STRUCTURE, Constants
from aero.private.measure.probes import COMPOSED
from aero.private.measure.seconds import Seconds
from aero.private.program.products import SLOTS
from aero.private.program.settings import FRACTION_BITS, VERSION, Settings

Json = dict[str, Any]


def _constant(value: float, unit: str, source: str, digits: int = 6) -> Json:
    rounded = float(f"{value:.{digits}g}")
    return {
        "value": int(rounded) if rounded.is_integer() else rounded,
        "unit": unit,
        "source": source,
    }


def _constants(c: Constants, settings: Settings) -> Json:
    of = "this file's measurement: "
    result = {
        "slots": _constant(SLOTS, "1", "SPU's log: polynomials of 8192 coefficients"),
        "threads": _constant(
            settings.threads, "1", "of each party, as measured; a vector is split among them"
        ),
        "weight_shares": _constant(
            1 if settings.colocated else 2, "1", "parties that have a share of a weight"
        ),
        "ole_batch": _constant(
            c.ole_batch, "B", of + "exp of 32,768: one oblivious linear evaluation of 8,192 numbers"
        ),
        "product_batch": _constant(
            c.product_batch, "B", of + "8,192 products of shared numbers, of 32,768 at once"
        ),
        "triple": _constant(c.triple, "B", of + "a product where a triple is ready, 256 at once"),
        "truncation": _constant(
            c.truncation, "B", of + "65,536 products by a public number, refills included"
        ),
        "compare": _constant(
            c.compare, "B", of + "ReLU of 65,536, refills of oblivious transfers included"
        ),
        "select": _constant(c.select, "B", of + "ReLU of 65,536, refills included"),
        "exp_squares": _constant(
            settings.exp_iterations, "1", "SPU's setting fxp_exp_iters: (1 + x / 2^N)^(2^N)"
        ),
        "exp_rest": _constant(c.exp_rest, "B", of + "exp of 32,768: truncations"),
        "ct_in": _constant(
            c.ct_in, "B", of + "matrix products: a ciphertext of the smaller operand"
        ),
        "ct_out": _constant(c.ct_out, "B", of + "matrix products: a ciphertext of the result"),
        "ct_kept": _constant(
            c.ct_kept,
            "B",
            of + "matrix products: a coefficient of a result that is sent back by parts",
        ),
        "setup_traffic": _constant(c.setup_bytes, "B", of + "keys, first oblivious transfers"),
    }
    for name, composed in COMPOSED.items():
        result[f"{name}_rest"] = _constant(
            c.rests[name],
            "B",
            of + f"{name} of {composed.long}: all but its products (comparisons, truncations, "
            f"conversions), refills included",
        )
    return result


def _second_constants(seconds: Seconds) -> Json:
    of = "this file's measurement: seconds of "
    result = {"setup_time": _constant(seconds.setup, "s", of + "the set-up, over the loopback", 3)}
    for name, line in seconds.vectors.items():
        result[f"{name}_start"] = _constant(1e3 * line.start, "ms", of + "16 numbers", 3)
        result[f"{name}_each"] = _constant(
            1e6 * line.each, "us", of + "each number of a long vector", 3
        )
    fit = of + "matrix products, least squares of relative errors: "
    parts = (
        ("start", "each product"),
        ("sent", "each ciphertext of the operand that is sent"),
        ("plain", "each polynomial of the operand that stays"),
        ("merge", "each merge of two results into one ciphertext"),
        ("lone", "each step of a result that is merged with none"),
    )
    weight, own = seconds.matrices["matmul_weight"], "a weight's owner by itself, by its share: "
    result |= {
        "matmul_weight_own_start": _constant(
            1e3 * weight.own_start, "ms", fit + own + "each product", 3
        ),
        "matmul_weight_own": _constant(1e6 * weight.own, "us", fit + own + "each multiply-add", 3),
    }
    for name, product in seconds.matrices.items():
        result |= {
            f"{name}_{part}": _constant(1e3 * getattr(product, part), "ms", fit + what, 3)
            for part, what in parts
        }
    return result


def _round_constants(names: Iterable[str], rounds: Mapping[str, float] | None) -> Json:
    """Makes the constants of rounds, which are unknown without a line."""
    of = "this file's measurement: how much longer 16 numbers take over a line"
    not_measured = "not measured; measure_costs.py --network wan does"
    return {
        f"{name}_rounds": _constant(rounds[name], "1", of)
        if rounds
        else {"value": None, "unit": "1", "source": not_measured}
        for name in names
    }


def cost_model(
    name: str,
    c: Constants,
    settings: Settings,
    machine: str,
    seconds: Seconds,
    made_by: str,
    rounds: Mapping[str, float] | None = None,
) -> Json:
    """Returns the file's content; its formulas are those of the file that it extends."""
    shared = "shared between the parties"
    colocated = settings.colocated
    return {
        "extends": STRUCTURE,
        "made_by": made_by,
        "name": name,
        "protocol": f"Cheetah with BumbleBee's matrix products, SPU {VERSION}"
        + (", enable_mul_lsb_error" if settings.precision == "fast" else ""),
        "field": f"FM64, {FRACTION_BITS} fractional bits, exp in {settings.exp_iterations} squares",
        "source": f"SecretFlow SPU {VERSION} between two processes, measured by "
        f"scripts/measure_costs.py; {machine}",
        "private": {
            "prompt": "client" if colocated else shared,
            "weights": "server" if colocated else shared,
            "temperatures": "server",
        },
        "constants": _constants(c, settings)
        | _second_constants(seconds)
        | _round_constants([*seconds.matrices, *seconds.vectors], rounds),
    }


def render(model: Json) -> str:
    """Renders the cost model as text."""
    return json.dumps(model, indent=2, ensure_ascii=False) + "\n"
