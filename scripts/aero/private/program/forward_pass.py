"""Lists a model's stages, each one operation of the cost models, from the config alone.

A stage is a function of secret values, written in JAX. Stages have the names of `aero report`. Both
parties make the same program; only its inputs say who has the weights.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from aero.config.model import ModelConfig
from aero.private.program import functions
from aero.private.program.folding import (
    folds_temperature,
    has_bias,
    has_linear_blocks,
    scales_stream,
    two_quad_scale,
)
from aero.private.program.settings import CLIENT, SERVER, Settings

# These norms subtract the mean. Only they can have a bias.
CENTRED = {"layernorm": True, "rmsnorm": False}


@dataclass(frozen=True)
class Value:
    """Describes an input of a party: an array of this shape, or the first rows of a longer one."""

    owner: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Stage:
    """Holds one function and its values. Stages of one `key` have one function, compiled once."""

    name: str
    layer: int  # -1 outside the blocks
    function: functions.Function
    key: tuple[Any, ...]
    inputs: tuple[str, ...]
    output: str

    @property
    def label(self) -> str:
        return self.name if self.layer < 0 else f"{self.name} of layer {self.layer}"


@dataclass
class Program:
    """Holds the stages from "prompt", the client's one-hot input, to the value "logits", [T, V]."""

    inputs: dict[str, Value] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns the shapes of all values."""
        shapes = {name: value.shape for name, value in self.inputs.items()}
        for stage in self.stages:
            inputs = [jax.ShapeDtypeStruct(shapes[name], jnp.float32) for name in stage.inputs]
            shapes[stage.output] = jax.eval_shape(stage.function, *inputs).shape
        return shapes

    def last_uses(self) -> dict[int, list[str]]:
        """Lists by the index of a stage the values that it uses last, except weights."""
        last = {name: index for index, stage in enumerate(self.stages) for name in stage.inputs}
        kept = {name for name, value in self.inputs.items() if value.owner == SERVER}
        uses: dict[int, list[str]] = {}
        for name, index in last.items():
            if name not in kept:
                uses.setdefault(index, []).append(name)
        return uses


def one_hot(tokens: list[int], words: int) -> np.ndarray:
    """Returns the tokens as one-hot rows, [T, V]."""
    return np.eye(words, dtype=np.float32)[tokens]


class _Builder:
    """Goes through a model as the decoder does, part by part."""

    def __init__(self, config: ModelConfig, length: int, settings: Settings) -> None:
        self.config, self.length, self.settings = config, length, settings
        self.program = Program()
        self.layer = -1
        self.block_ = ""

    def weight(self, name: str, *shape: int) -> str:
        self.program.inputs[name] = Value(SERVER, shape)
        return name

    def add(self, name: str, function: functions.Function, *inputs: str, **options: Any) -> str:
        output = name if self.layer < 0 else f"{self.layer}/{name}"
        output += "/out"  # a name that no weight has
        self._add(name, function, inputs, output, options)
        return output

    def _add(
        self,
        name: str,
        function: functions.Function,
        inputs: tuple[str, ...],
        output: str,
        options: dict[str, Any],
    ) -> None:
        key = (function.__name__, *sorted((k, v) for k, v in options.items() if _hashable(v)), name)
        bound = functools.partial(function, **options) if options else function
        self.program.stages.append(Stage(name, self.layer, bound, key, inputs, output))

    def product(self, name: str, source: str, path: str, sizes: tuple[int, int]) -> str:
        """Adds a product by the matrix path.name."""
        path = f"{path}.{name}"
        inputs = [source, self.weight(f"{path}.weight", *sizes)]
        if has_bias(self.config, name):
            inputs.append(self.weight(f"{path}.bias", sizes[1]))
        return self.add(name, functions.product, *inputs)

    def norm(self, name: str, source: str, path: str, kind: str) -> str:
        if kind in ("none", "layernorm_fixed"):
            return source
        config = self.config
        inputs = [source, self.weight(f"{path}.weight", config.d_model)]
        centred = CENTRED[kind]
        biased = centred and config.norm_bias
        if biased:
            inputs.append(self.weight(f"{path}.bias", config.d_model))
        if path == "final_norm" and scales_stream(config):
            inputs.append(self.weight("final_norm.eps", 1))
        eps = config.norm_eps
        return self.add(name, functions.norm, *inputs, centred=centred, has_bias=biased, eps=eps)

    def build(self) -> Program:
        config, width, words = self.config, self.config.d_model, self.config.vocab_size
        self.program.inputs["prompt"] = Value(CLIENT, (self.length, words))
        x = self.add(
            "embedding", functions.product, "prompt", self.weight("embedding", words, width)
        )
        if config.family != "pythia":
            x = self.add("position", jnp.add, x, self.weight("position", self.length, width))
        block = self.simplified_block if config.family == "simplified" else self.block
        for self.layer in range(config.n_layer):
            self.block_ = f"blocks.{self.layer}"
            x = block(x)
        self.layer = -1
        x = self.norm("final_norm", x, "final_norm", config.final_norm_kind)
        head = self.weight("head", width, words)
        self._add("head", functions.product, (x, head), "logits", {})
        return self.program

    def attention(self, x: str) -> tuple[str, str, str]:
        """Adds the stages of Q and K, and returns their names and the path of their weights."""
        width, path = self.config.d_model, f"{self.block_}.attention"
        q = self.product("q", x, path, (width, width))
        k = self.product("k", x, path, (width, width))
        return q, k, path

    def weigh(self, q: str, k: str, path: str) -> str:
        """Adds the stages of the weights by which attention sums the values, [H, T, T]."""
        config = self.config
        if config.rotary_dimensions > 0:
            cos, sin = rotary_tables(self.length, config.rotary_dimensions, config.rotary_base)
            options = {"cos": cos, "sin": sin, "heads": config.n_head}
            q = self.add("rotary_q", functions.rotate, q, **options)
            k = self.add("rotary_k", functions.rotate, k, **options)
        if config.temperature != "none" and not folds_temperature(config):
            inverse = self.weight(f"{path}.temperature", self.length, config.n_head)
            q = self.add("temperature", functions.temper, q, inverse)
        scores = self.add("scores", functions.scores, q, k, heads=config.n_head)
        if config.attention == "two_quad":
            shift = config.two_quad_shift * two_quad_scale(config)
            return self.add("softmax_2quad", functions.two_quad, scores, shift=shift)
        if config.attention == "relu":
            return self.add("relu_attention", functions.relu_attention, scores)
        return self.add("softmax", functions.softmax, scores, mask=self.settings.mask)

    def ffn(self, x: str) -> str:
        config, width, path = self.config, self.config.d_model, f"{self.block_}.ffn"
        if config.ffn_fused:
            return self.product("w", x, path, (width, width))
        inner = config.ffn_width
        x = self.product("w_in", x, path, (width, inner))
        if config.activation == "leaky_relu":
            if config.leaky_slope == "fixed":
                x = self.add("activation", functions.leaky_relu, x, slope=config.leaky_init)
            else:
                x = self.add("activation", functions.leaky_relu, x, self.weight(f"{path}.slope", 1))
        elif config.activation != "none":
            x = self.add("activation", functions.ACTIVATIONS[config.activation], x)
        return self.product("w_out", x, path, (inner, width))

    def sum(self, name: str, left: str, right: str) -> str:
        """Adds a sum as a stage of its own. It costs nothing, and reports leave it out."""
        return self.add(name, jnp.add, left, right)

    def block(self, x: str) -> str:
        config, width = self.config, self.config.d_model
        normed = self.norm("norm1", x, f"{self.block_}.norm1", config.norm)
        q, k, path = self.attention(normed)
        v = self.product("v", normed, path, (width, width))
        mixed = self.add("mix", functions.mix, self.weigh(q, k, path), v)
        attention = self.product("o", mixed, path, (width, width))
        attended = self.sum("residual1", x, attention)
        if not config.has_ffn(self.layer):
            return attended
        source = x if config.parallel_residual else attended
        fed = self.ffn(self.norm("norm2", source, f"{self.block_}.norm2", config.norm))
        if config.ffn_scaled and not has_linear_blocks(config):
            attended = self.add(
                "beta", functions.scaled, attended, self.weight(f"{self.block_}.beta", 1)
            )
        return self.sum("residual2", attended, fed)

    def simplified_block(self, x: str) -> str:
        config, width = self.config, self.config.d_model
        first = self.layer == 0 and config.norm == "none"
        kind = "layernorm" if first else config.norm
        normed = self.norm("norm1", x, f"{self.block_}.norm1", kind)
        q, k, path = self.attention(normed)
        v = normed
        if self.layer == 0:
            weight = self.weight(f"{path}.v.weight", width, width)
            v = self.add("v", functions.product, normed, weight)
        h = self.add("mix", functions.mix, self.weigh(q, k, path), v)
        h = self.add("shaped_alpha", functions.scaled, h, self.weight(f"{path}.alpha", width))
        h = self.add("shaped_beta", functions.add_scaled, h, v, self.weight(f"{path}.beta", width))
        gamma = self.weight(f"{path}.gamma", self.length, width)
        h = self.add("shaped_gamma", functions.add_mean, h, v, gamma)
        if not config.has_ffn(self.layer):
            return h
        if config.parallel_residual:
            return self.sum("residual", h, self.ffn(normed))
        fed = self.ffn(self.norm("norm2", h, f"{self.block_}.norm2", config.norm))
        if config.norm != "none":
            h = self.add(
                "skip_gain", functions.scaled, h, self.weight(f"{self.block_}.skip_gain", 1)
            )
        return self.sum("residual", h, fed)


def _hashable(value: Any) -> bool:
    return not isinstance(value, np.ndarray)


def rotary_tables(length: int, width: int, base: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns cosines and sines, each [T, 1, width]."""
    inverse_frequency = 1.0 / (base ** (np.arange(0, width, 2) / width))
    angle = np.arange(length)[:, None] * inverse_frequency
    angle = np.concatenate((angle, angle), axis=-1)[:, None, :]
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def build_program(config: ModelConfig, length: int, settings: Settings) -> Program:
    """Builds a program for `length` tokens at once, with logits for each."""
    return _Builder(config, length, settings).build()
