"""Defines the operations that a cost model is measured with, and runs each on its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from aero.private.program.functions import gelu, gelu_tanh, quadratic, relu
from aero.private.program.settings import CLIENT, SERVER, Settings
from aero.private.run.allocator import take_memory
from aero.private.run.meeting import meet
from aero.private.run.party import warm_up
from aero.private.run.profile import Profile
from aero.private.run.session import Session

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Probe:
    """Describes one function on inputs of these shapes.

    Each input is an activation ("a"), a weight ("w") or the client's own ("c"), as a prompt is.
    """

    name: str
    function: str
    kinds: str
    shapes: tuple[tuple[int, ...], ...]
    repeats: int

    @property
    def elements(self) -> int:
        return int(np.prod(self.shapes[0]))


KEPT = 640  # coefficients of the probe "matmul_kept", whose one result is sent back in parts


def _halve(x: jax.Array) -> jax.Array:
    return x * 0.37


@dataclass(frozen=True)
class Composed:
    """Describes a function that SPU makes of products and a rest.

    The products are counted in `repeats` runs of `count` numbers; the rest is measured in runs of
    `long` numbers.
    """

    function: Callable[[jax.Array], jax.Array]
    count: int
    repeats: int
    long: int
    transfers: bool = True  # whether it draws on oblivious transfers, whose refills come in lumps


COMPOSED = {
    "reciprocal": Composed(jnp.reciprocal, 64, 4, 8192),
    "rsqrt": Composed(jax.lax.rsqrt, 64, 4, 8192),
    "gelu_tanh": Composed(gelu_tanh, 64, 5, 16384),
    "gelu": Composed(gelu, 32, 8, 16384),
    "quadratic": Composed(quadratic, 64, 4, 16384, transfers=False),
}
FUNCTIONS: dict[str, Callable[..., jax.Array]] = {
    "multiply": jnp.multiply,
    "constant": _halve,
    "relu": relu,
    "exp": jnp.exp,
    **{name: composed.function for name, composed in COMPOSED.items()},
    "matmul": jnp.matmul,
}


def _vector(name: str, function: str, kinds: str, n: int, repeats: int) -> Probe:
    return Probe(name, function, kinds, ((n,),) * len(kinds), repeats)


def _product(name: str, kinds: str, m: int, k: int, n: int, repeats: int = 2) -> Probe:
    return Probe(name, "matmul", kinds, ((m, k), (k, n)), repeats)


def probes(thorough: bool) -> list[Probe]:
    """Lists the probes for bytes. `thorough` repeats those with oblivious transfers more often."""
    often = 16 if thorough else 4
    return [
        _vector("triple", "multiply", "aa", 256, 3),
        _vector("product", "multiply", "aa", 32768, 2),
        _vector("weight", "multiply", "aw", 20000, 2),
        _vector("constant", "constant", "a", 65536, 8),
        _vector("relu", "relu", "a", 65536, often),
        _vector("exp", "exp", "a", 32768, 2),
        *(
            probe
            for name, composed in COMPOSED.items()
            for probe in (
                _vector(f"{name}_count", name, "a", composed.count, composed.repeats),
                _vector(name, name, "a", composed.long, often if composed.transfers else 2),
            )
        ),
        _product("matmul_1_1", "aw", 64, 128, 128),
        _product("matmul_4_1", "aw", 64, 512, 128),
        _product("matmul_1_4", "aw", 256, 32, 128),
        _product("matmul_kept", "aw", 10, 10, KEPT // 10),
        _product("activations_1_1", "aa", 64, 128, 128),
    ]


def short_probes() -> list[Probe]:
    """Lists vectors so short that on a slow line messages, not bytes, take the time."""
    vectors = [
        ("multiply_activation", "multiply", "aa"),
        ("multiply_weight", "multiply", "aw"),
        ("multiply_constant", "constant", "a"),
        ("relu", "relu", "a"),
        ("exp", "exp", "a"),
        *((name, name, "a") for name in COMPOSED),
    ]
    matrices = [("matmul_weight", "aw"), ("matmul_activation", "aa")]
    return [_vector(name, function, kinds, 16, 3) for name, function, kinds in vectors] + [
        _product(name, kinds, 16, 16, 16, 3) for name, kinds in matrices
    ]


def matrix_probes(colocated: bool) -> list[Probe]:
    """Lists the matrix products of transformers, narrow and wide, with every kind of cut."""
    prompts = [(16, 16, 16), (64, 512, 128), (64, 4096, 128), (100, 4096, 128)]
    weights = [
        (16, 16, 16),
        (27, 128, 128),
        (64, 128, 128),
        (64, 128, 512),
        (64, 512, 128),
        (64, 4096, 128),
        (64, 128, 4096),
        (100, 4096, 128),
        (128, 256, 256),
        (128, 768, 768),
    ]
    activations = [
        (16, 16, 16),
        (27, 32, 27),
        (64, 32, 64),
        (64, 64, 32),
        (128, 64, 128),
        (128, 128, 64),
        (256, 64, 256),
        (256, 256, 64),
    ]
    return [
        _product(f"{name} {m} {k} {n}", kinds, m, k, n, 3)
        for name, kinds, shapes in (
            ("matmul_weight", "aw", weights),
            ("matmul_activation", "aa", activations),
            # Otherwise the prompt is shared, as an activation is.
            ("matmul_prompt", "cw", prompts if colocated else []),
        )
        for m, k, n in shapes
    ]


@dataclass(frozen=True)
class Order:
    """Says what one party measures."""

    rank: int
    addresses: tuple[str, str]
    settings: Settings
    log: Any
    probes: tuple[Probe, ...]
    memory: float  # bytes of the probe that takes most


@dataclass
class Measurements:
    """Holds one party's profiles of the set-up and of each probe's repeats."""

    setup: Profile
    runs: dict[str, list[Profile]]


def _input(session: Session, name: str, kind: str, shape: tuple[int, ...], seed: int) -> None:
    """Makes an input. The server has a weight; an activation sums values of both parties."""
    values = np.random.default_rng(seed).uniform(0.1, 1, shape).astype(np.float32)
    if kind in "cw":
        owner = CLIENT if kind == "c" else SERVER
        session.put(name, owner, values if session.rank == owner else None)
        return
    for owner, part in ((CLIENT, "left"), (SERVER, "right")):
        session.put(part, owner, values / 2 if session.rank == owner else None)
    add = session.compile(("sum", shape), jnp.add, [values, values])
    session.run(add, ["left", "right"], [name])


def measure_party(order: Order, progress: Progress) -> Measurements:
    """Runs one party's side of the measurement, while the other party runs its own."""
    meet(order.addresses, order.rank, patience=60)
    session = Session(order.rank, order.addresses, order.settings, order.log)
    take_memory(order.memory)
    session.exchange({"ready": True})
    progress("set-up")
    result = Measurements(warm_up(session), {})
    for number, probe in enumerate(order.probes):
        progress(probe.name)
        names = []
        for index, (kind, shape) in enumerate(zip(probe.kinds, probe.shapes, strict=True)):
            names.append(f"x{index}")
            _input(session, names[-1], kind, shape, 10 * number + index)
        shapes = [np.zeros(shape, dtype=np.float32) for shape in probe.shapes]
        key = (probe.function, probe.shapes, probe.kinds)
        code = session.compile(key, FUNCTIONS[probe.function], shapes)
        result.runs[probe.name] = [session.run(code, names, ["y"]) for _ in range(probe.repeats)]
    session.close()
    return result
