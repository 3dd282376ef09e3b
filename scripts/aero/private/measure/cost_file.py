"""A cost model file of AERO from measured constants."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aero.private.measure.constants import Composition, Constants
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
    for name in ("reciprocal", "rsqrt", "gelu", "gelu_tanh", "quadratic"):
        composition: Composition = getattr(c, name)
        result[f"{name}_rest"] = _constant(
            composition.rest,
            "B",
            of + f"{name} of {8192 if name in ('reciprocal', 'rsqrt') else 16384}: all but its "
            f"products (comparisons, truncations, conversions), refills included",
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


def _sum(terms: list[tuple[int, str]]) -> str:
    parts = [call if count == 1 else f"{count} * {call}" for count, call in terms if count > 0]
    return " + ".join(parts)


def _composed(name: str, composition: Composition) -> str:
    return (
        _sum([(composition.products, "product(n)"), (composition.squares, "square(n)")])
        + f" + n * {name}_rest"
    )


_LARGE = "min(1, floor(n / (threads * slots)))"
_BY_THREAD = "ceil(n / threads)"
_BATCHES = (
    f"((threads - 1) * ceil({_BY_THREAD} / slots)"
    f" + ceil((n - (threads - 1) * {_BY_THREAD}) / slots))"
)
# One ciphertext holds 8,192 numbers; of more, each thread's share is rounded up.
_MANY = "min(1, floor((n - 1) / slots))"
SQUARE = f"ole_batch * (1 - {_MANY} + {_MANY} * {_BATCHES})"
# Below `threads * slots`, triples are made 4,096 at a time and kept for later: n of them, on the
# average. From there on, products are made directly.
PRODUCT = (
    f"(1 - {_LARGE}) * n * (triple + 2 * ole_batch / slots) + {_LARGE} * product_batch * {_BATCHES}"
)


# Colocated, the weights' owner has no share of the prompt to multiply by itself.
EMBEDDING = "weight_product(tokens, words, width)"


def byte_formulas(c: Constants, settings: Settings) -> dict[str, tuple[list[str], str]]:
    """Arguments and bytes of each primitive, the program's first."""
    weight = "ole(n)" if settings.colocated else "product(n)"
    factor = "" if settings.colocated else "2 * "
    return {
        "embedding": (["tokens", "words", "width"], EMBEDDING),
        "position": (["tokens", "words", "width"], "0"),
        "matmul_weight": (["m", "k", "n"], "weight_product(m, k, n)"),
        "matmul_activation": (["m", "k", "n"], "activation_product(m, k, n)"),
        "head": (["tokens", "words", "width"], "matmul_weight(tokens, width, words)"),
        "multiply_activation": (["n"], "product(n) + truncate(n)"),
        "multiply_weight": (["n"], f"{weight} + truncate(n)"),
        "multiply_constant": (["n"], "truncate(n)"),
        "softmax": (
            ["rows", "columns"],
            "relu(rows * (columns - 1)) + exp(rows * columns) + reciprocal(rows)"
            " + multiply_activation(rows * columns)",
        ),
        "softmax_2quad": (
            ["rows", "columns"],
            "2 * multiply_activation(rows * columns) + reciprocal(rows)",
        ),
        "relu_attention": (
            ["rows", "columns"],
            "relu(rows * columns) + multiply_constant(rows * columns)",
        ),
        "layernorm": (
            ["rows", "columns"],
            "truncate(rows) + rmsnorm(rows, columns)",
        ),
        "rmsnorm": (
            ["rows", "columns"],
            "2 * multiply_activation(rows * columns) + multiply_weight(rows * columns)"
            " + truncate(rows) + rsqrt(rows)",
        ),
        "gelu": (["n"], _composed("gelu", c.gelu)),
        "gelu_tanh": (["n"], _composed("gelu_tanh", c.gelu_tanh)),
        "quadratic": (["n"], _composed("quadratic", c.quadratic)),
        "relu": (["n"], "n * (compare + select)"),
        "leaky_relu": (["n"], "relu(n) + multiply_weight(n)"),
        "exp": (["n"], "exp_squares * square(n) + n * exp_rest"),
        "reciprocal": (["n"], _composed("reciprocal", c.reciprocal)),
        "rsqrt": (["n"], _composed("rsqrt", c.rsqrt)),
        "truncate": (["n"], "n * truncation"),
        **({"ole": (["n"], "ole_batch * ceil(n / slots)")} if settings.colocated else {}),
        "square": (["n"], SQUARE),
        "product": (["n"], PRODUCT),
        "weight_product": (
            ["m", "k", "n"],
            f"{factor}ciphertexts(m, k, n) + truncate(m * n)",
        ),
        "activation_product": (
            ["m", "k", "n"],
            "2 * ciphertexts(m, k, n) + truncate(m * n)",
        ),
        "ciphertexts": (
            ["m", "k", "n"],
            "ct_in * spu_sent(m, k, n) + ct_out * (spu_whole(m, k, n) + spu_halves(m, k, n) / 2)"
            " + ct_kept * spu_kept(m, k, n)",
        ),
    }


def round_formulas(rounds: Mapping[str, float]) -> dict[str, str]:
    """Round trips of the primitives that the program calls, and of what they are made of."""
    return {name: str(value) for name, value in rounds.items()} | {
        "embedding": "matmul_weight(tokens, words, width)",
        "position": "0",
        "head": "matmul_weight(tokens, width, words)",
        "softmax": "relu(rows) * ceil(log2(columns)) + exp(rows) + reciprocal(rows)"
        " + multiply_activation(rows)",
        "softmax_2quad": "2 * multiply_activation(rows) + reciprocal(rows)",
        "relu_attention": "relu(rows) + multiply_constant(rows)",
        "layernorm": "multiply_constant(rows) + rmsnorm(rows, columns)",
        "rmsnorm": "2 * multiply_activation(rows) + multiply_weight(rows)"
        " + multiply_constant(rows) + rsqrt(rows)",
        "leaky_relu": "relu(n) + multiply_weight(n)",
    }


# Formulas of calls alone, which hold for bytes and for seconds.
_ALIKE = (
    "embedding",
    "position",
    "head",
    "matmul_activation",
    "softmax_2quad",
    "relu_attention",
    "leaky_relu",
)


def second_formulas(seconds: Seconds, byte_formula: Mapping[str, str]) -> dict[str, str]:
    """Of the primitives that the program calls, and of what they are made of."""
    return (
        {
            name: f"{name}_start{' * ceil(n / slots)' if line.batched else ''} + n * {name}_each"
            for name, line in seconds.vectors.items()
        }
        | {
            f"{kind}_product": f"matmul_{kind}_start"
            f" + matmul_{kind}_sent * spu_sent(m, k, n)"
            f" + matmul_{kind}_plain * spu_plain(m, k, n)"
            f" + matmul_{kind}_merge * spu_merges(m, k, n)"
            f" + matmul_{kind}_lone * spu_lone(m, k, n)"
            f" + multiply_constant_each * m * n"
            for kind in ("weight", "activation")
        }
        | {name: byte_formula[name] for name in _ALIKE}
        | {
            "matmul_weight": f"{byte_formula['matmul_weight']}"
            " + matmul_weight_own_start + matmul_weight_own * m * k * n"
        }
        | {
            # The comparisons of a row's maximum are a tree: as many vectors as it has levels.
            "softmax": f"relu_start * (ceil(log2(columns)) - 1) + {byte_formula['softmax']}",
            "layernorm": "multiply_constant(rows) + rmsnorm(rows, columns)",
            "rmsnorm": byte_formula["rmsnorm"].replace("truncate", "multiply_constant"),
        }
    )


def cost_model(
    name: str,
    c: Constants,
    settings: Settings,
    machine: str,
    seconds: Seconds,
    rounds: Mapping[str, float] | None = None,
) -> Json:
    """The file's content."""
    source = f"SecretFlow SPU {VERSION} between two processes, measured by scripts/measure_costs.py"
    in_bytes = byte_formulas(c, settings)
    in_seconds = second_formulas(seconds, {key: formula for key, (_, formula) in in_bytes.items()})
    in_rounds = round_formulas(rounds) if rounds else {}
    primitives: Json = {}
    for primitive, (arguments, formula) in in_bytes.items():
        primitives[primitive] = {"arguments": arguments, "bytes": formula}
        if primitive in in_rounds:
            primitives[primitive]["rounds"] = in_rounds[primitive]
        if primitive in in_seconds:
            primitives[primitive]["seconds"] = in_seconds[primitive]
        primitives[primitive]["source"] = source
    colocated = settings.colocated
    return {
        "name": name,
        "protocol": f"Cheetah with BumbleBee's matrix products, SPU {VERSION}"
        + (", enable_mul_lsb_error" if settings.precision == "fast" else ""),
        "field": f"FM64, {FRACTION_BITS} fractional bits, exp in {settings.exp_iterations} squares",
        "security": "semi-honest, two parties",
        "source": f"{source}; {machine}",
        "private": {
            "prompt": "client" if colocated else "shared between the parties",
            "weights": "server" if colocated else "shared between the parties",
            "temperatures": "server",
        },
        "constants": _constants(c, settings) | _second_constants(seconds),
        "primitives": primitives,
        "uncharged": {},
        "setup": {
            "bytes": "setup_traffic",
            "seconds": "setup_time",
            "source": "keys and the first oblivious transfers",
        },
        "notes": [
            "Not charged: shares of the weights (once), of the prompt and of the logits, each 8 "
            "bytes a number" + (" (colocated, only the logits')" if colocated else ""),
            *(
                [
                    "Rounds are those of vectors of 16 numbers; of longer ones, a product of "
                    "shared numbers takes four more, and parts go side by side"
                ]
                if rounds
                else []
            ),
            "Seconds are of computation by both parties on one machine (source), their memory "
            "taken beforehand",
            "Triples for products and oblivious transfers are made in batches: a short run is off "
            "by up to 1.2 MB either way",
            "Matrix products are cut as SPU cuts them (spu_sent and the like)",
            f"Bytes of vectors under {settings.threads * 8192:,} numbers depend on the threads of "
            f"a party",
        ],
    }


def render(model: Json) -> str:
    """As text."""
    return json.dumps(model, indent=2, ensure_ascii=False) + "\n"
