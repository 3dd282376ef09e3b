"""Evaluates the byte formulas of a cost model file, to compare them with what was measured.

Another writing than the program's own: no units, Python's parser.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

UNITS = {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "s": 1.0, "ms": 1e-3, "us": 1e-6, "1": 1.0}
FUNCTIONS: dict[str, Callable[..., float]] = {
    "ceil": math.ceil,
    "floor": math.floor,
    "min": min,
    "max": max,
    "log2": math.log2,
}
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}


class Formulas:
    """Of one quantity ("bytes", "rounds", "seconds") of a cost model."""

    def __init__(self, model: Mapping[str, Any], quantity: str = "bytes") -> None:
        self._constants = {
            name: entry["value"] * UNITS[entry["unit"]]
            for name, entry in model["constants"].items()
        }
        self._primitives = model["primitives"]
        self._quantity = quantity

    def __call__(self, primitive: str, *values: float) -> float:
        entry = self._primitives[primitive]
        names = dict(zip(entry["arguments"], values, strict=True))
        tree = ast.parse(str(entry[self._quantity]).replace("^", "**"), mode="eval")
        return self._value(tree.body, names)

    def _value(self, node: ast.expr, names: Mapping[str, float]) -> float:
        match node:
            case ast.Constant(value=int() | float() as value):
                return float(value)
            case ast.Name(id=name):
                return names[name] if name in names else self._constants[name]
            case ast.BinOp(left=left, op=op, right=right):
                return _OPERATORS[type(op)](self._value(left, names), self._value(right, names))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._value(operand, names)
            case ast.Call(func=ast.Name(id=name), args=arguments):
                values = [self._value(argument, names) for argument in arguments]
                function = FUNCTIONS.get(name)
                return function(*values) if function else self(name, *values)
        raise ValueError(f"not a formula: {ast.unparse(node)}")
