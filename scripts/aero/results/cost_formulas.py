"""Evaluates the formulas of a cost model, as a check on the program and on what was measured.

It is independent of the program's own evaluation: it uses Python's parser, and no dimensions.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from aero.core.errors import AeroError

_UNITS = {"1": 1.0, "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "s": 1.0, "ms": 1e-3, "us": 1e-6}
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "ceil": math.ceil,
    "floor": math.floor,
    "min": min,
    "max": max,
    "log2": math.log2,
}


class CostFormulas:
    """Evaluates one quantity ("bytes", "rounds", "seconds") of a cost model's primitives.

    Formulas can call `functions` besides the language's own functions and the primitives.
    """

    def __init__(
        self,
        model: Mapping[str, Any],
        quantity: str = "bytes",
        functions: Mapping[str, Callable[..., float]] | None = None,
    ) -> None:
        self._name = str(model.get("name", "a cost model"))
        self.constants = {
            name: float(entry["value"]) * unit_factor(entry["unit"])
            for name, entry in model["constants"].items()
            if entry["value"] is not None
        }
        self._primitives = model["primitives"]
        self._quantity = quantity
        self._functions = _FUNCTIONS | dict(functions or {})

    def __call__(self, primitive: str, *values: float) -> float:
        entry = self._primitives[primitive]
        names = dict(zip(entry["arguments"], values, strict=True))
        return self.value(str(entry.get("number") or entry[self._quantity]), names)

    def value(self, formula: str, names: Mapping[str, float]) -> float:
        """Evaluates a formula with these names. Raises AeroError where the text is not one."""
        try:
            tree = ast.parse(formula.replace("^", "**"), mode="eval")
        except SyntaxError as error:
            raise AeroError(f"{self._name}: {formula!r} is not a formula: {error.msg}") from error
        return self._node(tree.body, self.constants | dict(names))

    def _node(self, node: ast.expr, names: Mapping[str, float]) -> float:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name):
                return names[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._node(operand, names)
            case ast.BinOp(left=left, op=sign, right=right):
                return _OPERATORS[type(sign)](self._node(left, names), self._node(right, names))
            case ast.Call(func=ast.Name(id=name), args=arguments):
                values = [self._node(argument, names) for argument in arguments]
                own = self._functions.get(name)
                return self(name, *values) if own is None else own(*values)
        raise AeroError(f"{self._name}: {ast.unparse(node)!r} is not a formula")


def unit_factor(unit: str) -> float:
    """Returns the factor from a unit to bytes or seconds. "s/GB" is one unit by another."""
    above, _, below = unit.partition("/")
    return _UNITS[above] / _UNITS[below or "1"]
