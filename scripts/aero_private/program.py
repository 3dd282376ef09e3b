"""A model as a list of stages, each one operation of the cost models, from the config alone.

A stage is a function of secret values, written in JAX; the names of stages are those of `aero
report`. Both parties make the same program; who has the weights is a matter of the inputs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from aero_reference.config import ModelConfig

from .folding import scales_stream
from .settings import CLIENT, SERVER, Settings

Function = Callable[..., jax.Array]


@dataclass(frozen=True)
class Value:
    """What a party brings: an array of this shape, or the first rows of a longer one."""

    owner: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Stage:
    """`key` is the same where the functions are, so that they are compiled once."""

    name: str
    layer: int  # -1 outside the blocks
    function: Function
    key: tuple[Any, ...]
    inputs: tuple[str, ...]
    output: str

    @property
    def label(self) -> str:
        return self.name if self.layer < 0 else f"{self.name} of layer {self.layer}"


@dataclass
class Program:
    """Ends with the value "logits", [T, V]. `prompt` is the client's one-hot input."""

    inputs: dict[str, Value] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of all values."""
        shapes = {name: value.shape for name, value in self.inputs.items()}
        for stage in self.stages:
            inputs = [jax.ShapeDtypeStruct(shapes[name], jnp.float32) for name in stage.inputs]
            shapes[stage.output] = jax.eval_shape(stage.function, *inputs).shape
        return shapes

    def last_uses(self) -> dict[int, list[str]]:
        """By the index of a stage: the values that are not needed after it, weights apart."""
        last = {name: index for index, stage in enumerate(self.stages) for name in stage.inputs}
        kept = {name for name, value in self.inputs.items() if value.owner == SERVER}
        uses: dict[int, list[str]] = {}
        for name, index in last.items():
            if name not in kept:
                uses.setdefault(index, []).append(name)
        return uses


def one_hot(tokens: list[int], words: int) -> np.ndarray:
    """[T, V]."""
    return np.eye(words, dtype=np.float32)[tokens]


def _product(x: jax.Array, weight: jax.Array, bias: jax.Array | None = None) -> jax.Array:
    return x @ weight if bias is None else x @ weight + bias


def _norm(
    x: jax.Array, weight: jax.Array, *rest: jax.Array, centred: bool, has_bias: bool, eps: float
) -> jax.Array:
    """LayerNorm where centred, else RMSNorm; an eps among the inputs is the last of them."""
    if centred:
        x = x - jnp.mean(x, axis=-1, keepdims=True)
    mean_square = jnp.mean(x * x, axis=-1, keepdims=True)
    own_eps = rest[-1] if len(rest) > has_bias else eps
    y = x * jax.lax.rsqrt(mean_square + own_eps) * weight
    return y + rest[0] if has_bias else y


def _heads(x: jax.Array, heads: int) -> jax.Array:
    """[T, d] to [H, T, d_k]."""
    return jnp.swapaxes(x.reshape(x.shape[0], heads, -1), 0, 1)


def _rotate(x: jax.Array, cos: np.ndarray, sin: np.ndarray, heads: int) -> jax.Array:
    """The leading dimensions of each head; dimension i is paired with i + width / 2."""
    width = cos.shape[-1]
    split = x.reshape(x.shape[0], heads, -1)
    turned, rest = split[..., :width], split[..., width:]
    swapped = jnp.concatenate((-turned[..., width // 2 :], turned[..., : width // 2]), axis=-1)
    turned = turned * cos + swapped * sin
    return jnp.concatenate((turned, rest), axis=-1).reshape(x.shape)


def _temper(q: jax.Array, inverse: jax.Array) -> jax.Array:
    """Q by 1 / t [T, H]."""
    length, width = q.shape
    heads = inverse.shape[1]
    factors = jnp.broadcast_to(inverse[:, :, None], (length, heads, width // heads))
    return q * factors.reshape(length, width)


def _scores(q: jax.Array, k: jax.Array, heads: int) -> jax.Array:
    return _heads(q, heads) @ jnp.swapaxes(_heads(k, heads), -1, -2)


def _softmax(scores: jax.Array, mask: float) -> jax.Array:
    """Causal. The mask is public, so that adding it costs nothing."""
    length = scores.shape[-1]
    future = np.triu(np.full((length, length), mask, dtype=np.float32), k=1)
    return jax.nn.softmax(scores + future, axis=-1)


def _mix(weights: jax.Array, v: jax.Array) -> jax.Array:
    """[T, d]."""
    mixed = weights @ _heads(v, weights.shape[0])
    return jnp.swapaxes(mixed, 0, 1).reshape(v.shape)


def _add_scaled(sum_: jax.Array, x: jax.Array, factor: jax.Array) -> jax.Array:
    return sum_ + x * factor


def _scaled(x: jax.Array, factor: jax.Array) -> jax.Array:
    return x * factor


def _add_mean(sum_: jax.Array, v: jax.Array, gamma: jax.Array) -> jax.Array:
    """The running sum of v by doubling strides, for sums are free; gamma has 1 / i in it."""
    total, stride = v, 1
    while stride < v.shape[0]:
        total = total + jnp.pad(total[:-stride], ((stride, 0), (0, 0)))
        stride *= 2
    return sum_ + total * gamma


def _gelu(x: jax.Array) -> jax.Array:
    return 0.5 * x * (1.0 + jax.lax.erf(x * np.float32(1 / np.sqrt(2))))


def _gelu_tanh(x: jax.Array) -> jax.Array:
    inner = np.float32(np.sqrt(2 / np.pi)) * (x + 0.044715 * (x * x * x))
    return 0.5 * x * (1.0 + jnp.tanh(inner))


def _relu(x: jax.Array) -> jax.Array:
    return jnp.maximum(x, 0)


def _leaky_relu(x: jax.Array, slope: jax.Array | float) -> jax.Array:
    positive = jnp.maximum(x, 0)
    return positive + (x - positive) * slope


ACTIVATIONS: dict[str, Function] = {"gelu": _gelu, "gelu_tanh": _gelu_tanh, "relu": _relu}


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

    def add(self, name: str, function: Function, *inputs: str, **options: Any) -> str:
        output = name if self.layer < 0 else f"{self.layer}/{name}"
        output += "/out"  # no weight is called so
        self._add(name, function, inputs, output, options)
        return output

    def _add(
        self,
        name: str,
        function: Function,
        inputs: tuple[str, ...],
        output: str,
        options: dict[str, Any],
    ) -> None:
        key = (function.__name__, *sorted((k, v) for k, v in options.items() if _hashable(v)), name)
        bound = functools.partial(function, **options) if options else function
        self.program.stages.append(Stage(name, self.layer, bound, key, inputs, output))

    def product(self, name: str, source: str, path: str, sizes: tuple[int, int], bias: bool) -> str:
        inputs = [source, self.weight(f"{path}.weight", *sizes)]
        if bias:
            inputs.append(self.weight(f"{path}.bias", sizes[1]))
        return self.add(name, _product, *inputs)

    def norm(self, name: str, source: str, path: str, kind: str) -> str:
        if kind == "none":
            return source
        config = self.config
        inputs = [source, self.weight(f"{path}.weight", config.d_model)]
        has_bias = kind == "layernorm" and config.norm_bias
        if has_bias:
            inputs.append(self.weight(f"{path}.bias", config.d_model))
        if path == "final_norm" and scales_stream(config):
            inputs.append(self.weight("final_norm.eps", 1))
        centred = kind == "layernorm"
        eps = config.norm_eps
        return self.add(name, _norm, *inputs, centred=centred, has_bias=has_bias, eps=eps)

    def build(self) -> Program:
        config, width, words = self.config, self.config.d_model, self.config.vocab_size
        self.program.inputs["prompt"] = Value(CLIENT, (self.length, words))
        x = self.add("embedding", _product, "prompt", self.weight("embedding", words, width))
        if config.family != "pythia":
            x = self.add("position", jnp.add, x, self.weight("position", self.length, width))
        block = self.simplified_block if config.family == "simplified" else self.block
        for self.layer in range(config.n_layer):
            self.block_ = f"blocks.{self.layer}"
            x = block(x)
        self.layer = -1
        x = self.norm("final_norm", x, "final_norm", config.final_norm_kind)
        head = self.weight("head", width, words)
        self._add("head", _product, (x, head), "logits", {})
        return self.program

    def attention(self, x: str) -> tuple[str, str, str]:
        """Q, K and the softmax's matrix [H, T, T]."""
        config, width, path = self.config, self.config.d_model, f"{self.block_}.attention"
        has_bias = config.biases in ("all", "qk")
        q = self.product("q", x, f"{path}.q", (width, width), has_bias)
        k = self.product("k", x, f"{path}.k", (width, width), has_bias)
        return q, k, path

    def weigh(self, q: str, k: str, path: str) -> str:
        config = self.config
        if config.rotary_dimensions > 0:
            cos, sin = rotary_tables(self.length, config.rotary_dimensions, config.rotary_base)
            options = {"cos": cos, "sin": sin, "heads": config.n_head}
            q = self.add("rotary_q", _rotate, q, **options)
            k = self.add("rotary_k", _rotate, k, **options)
        if config.temperature != "none":
            inverse = self.weight(f"{path}.temperature", self.length, config.n_head)
            q = self.add("temperature", _temper, q, inverse)
        scores = self.add("scores", _scores, q, k, heads=config.n_head)
        return self.add("softmax", _softmax, scores, mask=self.settings.mask)

    def ffn(self, x: str) -> str:
        config, width, path = self.config, self.config.d_model, f"{self.block_}.ffn"
        has_bias = config.biases == "all"
        if config.ffn_fused:
            return self.product("w", x, f"{path}.w", (width, width), has_bias)
        inner = config.ffn_width
        x = self.product("w_in", x, f"{path}.w_in", (width, inner), has_bias)
        if config.activation == "leaky_relu":
            if config.leaky_slope == "fixed":
                x = self.add("activation", _leaky_relu, x, slope=config.leaky_init)
            else:
                x = self.add("activation", _leaky_relu, x, self.weight(f"{path}.slope", 1))
        elif config.activation != "none":
            x = self.add("activation", ACTIVATIONS[config.activation], x)
        return self.product("w_out", x, f"{path}.w_out", (inner, width), has_bias)

    def sum(self, name: str, left: str, right: str) -> str:
        """Of no cost: a stage of its own, which reports leave out."""
        return self.add(name, jnp.add, left, right)

    def block(self, x: str) -> str:
        config, width = self.config, self.config.d_model
        normed = self.norm("norm1", x, f"{self.block_}.norm1", config.norm)
        q, k, path = self.attention(normed)
        v = self.product("v", normed, f"{path}.v", (width, width), config.biases == "all")
        mixed = self.add("mix", _mix, self.weigh(q, k, path), v)
        attention = self.product("o", mixed, f"{path}.o", (width, width), config.biases == "all")
        attended = self.sum("residual1", x, attention)
        if not config.has_ffn(self.layer):
            return attended
        source = x if config.parallel_residual else attended
        fed = self.ffn(self.norm("norm2", source, f"{self.block_}.norm2", config.norm))
        if config.ffn_scaled and config.norm != "none":
            attended = self.add("beta", _scaled, attended, self.weight(f"{self.block_}.beta", 1))
        return self.sum("residual2", attended, fed)

    def simplified_block(self, x: str) -> str:
        config, width = self.config, self.config.d_model
        first = self.layer == 0 and config.norm == "none"
        kind = "layernorm" if first else config.norm
        normed = self.norm("norm1", x, f"{self.block_}.norm1", kind)
        q, k, path = self.attention(normed)
        v = normed
        if self.layer == 0:
            v = self.product("v", normed, f"{path}.v", (width, width), False)
        h = self.add("mix", _mix, self.weigh(q, k, path), v)
        h = self.add("shaped_alpha", _scaled, h, self.weight(f"{path}.alpha", width))
        h = self.add("shaped_beta", _add_scaled, h, v, self.weight(f"{path}.beta", width))
        gamma = self.weight(f"{path}.gamma", self.length, width)
        h = self.add("shaped_gamma", _add_mean, h, v, gamma)
        if not config.has_ffn(self.layer):
            return h
        if config.parallel_residual:
            return self.sum("residual", h, self.ffn(normed))
        fed = self.ffn(self.norm("norm2", h, f"{self.block_}.norm2", config.norm))
        if config.norm != "none":
            h = self.add("skip_gain", _scaled, h, self.weight(f"{self.block_}.skip_gain", 1))
        return self.sum("residual", h, fed)


def _hashable(value: Any) -> bool:
    return not isinstance(value, np.ndarray)


def rotary_tables(length: int, width: int, base: float) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines, [T, 1, width]."""
    inverse_frequency = 1.0 / (base ** (np.arange(0, width, 2) / width))
    angle = np.arange(length)[:, None] * inverse_frequency
    angle = np.concatenate((angle, angle), axis=-1)[:, None, :]
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def build_program(config: ModelConfig, length: int, settings: Settings) -> Program:
    """For `length` tokens at once, logits for each."""
    return _Builder(config, length, settings).build()
