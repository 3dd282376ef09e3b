"""Runs a program in the clear in float32, and records the largest numbers of its stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from aero.private.program.forward_pass import Program

# The results of these operations have twice the fractional bits before they are truncated.
PRODUCTS = ("mul", "dot_general", "integer_pow", "square")


@dataclass
class Range:
    """Holds the extremes of one stage: the largest product and the largest other number, the lowest
    exponent that softmax's exp read, and the smallest and largest divisor.
    """

    product: float = 0.0
    number: float = 0.0
    lowest_exponent: float = 0.0
    smallest_divisor: float = np.inf
    largest_divisor: float = 0.0


def _watch(closed: Any, inputs: list[Any], seen: Range) -> list[Any]:
    """Evaluates a JAX program operation by operation."""
    program = closed.jaxpr
    values: dict[Any, Any] = {}

    def read(atom: Any) -> Any:
        return atom.val if hasattr(atom, "val") else values[atom]

    values.update(zip(program.constvars, closed.consts, strict=True))
    values.update(zip(program.invars, inputs, strict=True))
    for equation in program.eqns:
        arguments = [read(atom) for atom in equation.invars]
        inner = equation.params.get("jaxpr") or equation.params.get("call_jaxpr")
        if inner is not None and hasattr(inner, "consts"):
            results = _watch(inner, arguments, seen)
        else:
            outcome = equation.primitive.bind(*arguments, **equation.params)
            results = outcome if equation.primitive.multiple_results else [outcome]
        if equation.primitive.name == "exp":
            seen.lowest_exponent = min(seen.lowest_exponent, float(np.min(arguments[0])))
        if equation.primitive.name == "div":
            seen.smallest_divisor = min(seen.smallest_divisor, float(np.min(arguments[1])))
            seen.largest_divisor = max(seen.largest_divisor, float(np.max(arguments[1])))
        for result in results:
            array = np.asarray(result)
            if array.dtype.kind != "f" or array.size == 0:
                continue
            # A maximum starts from -inf. No value of the model is infinite.
            largest = float(np.max(np.abs(array), initial=0.0, where=~np.isneginf(array)))
            if equation.primitive.name in PRODUCTS:
                seen.product = max(seen.product, largest)
            else:
                seen.number = max(seen.number, largest)
        values.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in program.outvars]


def run_plain(
    program: Program, values: Mapping[str, np.ndarray], watch: bool = False
) -> tuple[np.ndarray, list[Range]]:
    """Returns the logits [T, V], and where `watch` is set the range of each stage."""
    held: dict[str, Any] = {}
    for name, value in program.inputs.items():
        held[name] = np.asarray(values[name][: value.shape[0]], dtype=np.float32)
    compiled: dict[Any, Callable[..., Any]] = {}
    ranges = []
    last_uses = program.last_uses()
    for index, stage in enumerate(program.stages):
        inputs = [held[name] for name in stage.inputs]
        if watch:
            seen = Range()
            for array in inputs:
                seen.number = max(seen.number, float(np.max(np.abs(array))))
            result = _watch(jax.make_jaxpr(stage.function)(*inputs), inputs, seen)[0]
            ranges.append(seen)
        else:
            key = (stage.key, *(array.shape for array in inputs))
            function = compiled.setdefault(key, jax.jit(stage.function))
            result = function(*inputs)
        held[stage.output] = np.asarray(result)
        for name in last_uses.get(index, []):
            del held[name]
    return held["logits"], ranges
