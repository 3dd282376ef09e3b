"""Computes the stages on secret values. Constants are public, and sums cost nothing."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

Function = Callable[..., jax.Array]


def product(x: jax.Array, weight: jax.Array, bias: jax.Array | None = None) -> jax.Array:
    """Computes a linear layer; `weight` is [in, out]."""
    return x @ weight if bias is None else x @ weight + bias


def norm(
    x: jax.Array, weight: jax.Array, *rest: jax.Array, centred: bool, has_bias: bool, eps: float
) -> jax.Array:
    """Computes LayerNorm where centred, else RMSNorm. An eps among the inputs comes last."""
    if centred:
        x = x - jnp.mean(x, axis=-1, keepdims=True)
    mean_square = jnp.mean(x * x, axis=-1, keepdims=True)
    own_eps = rest[-1] if len(rest) > has_bias else eps
    y = x * jax.lax.rsqrt(mean_square + own_eps) * weight
    return y + rest[0] if has_bias else y


def split_heads(x: jax.Array, heads: int) -> jax.Array:
    """Reshapes [T, d] to [H, T, d_k]."""
    return jnp.swapaxes(x.reshape(x.shape[0], heads, -1), 0, 1)


def rotate(x: jax.Array, cos: np.ndarray, sin: np.ndarray, heads: int) -> jax.Array:
    """Rotates the leading dimensions of each head; dimension i is paired with i + width / 2."""
    width = cos.shape[-1]
    split = x.reshape(x.shape[0], heads, -1)
    turned, rest = split[..., :width], split[..., width:]
    swapped = jnp.concatenate((-turned[..., width // 2 :], turned[..., : width // 2]), axis=-1)
    turned = turned * cos + swapped * sin
    return jnp.concatenate((turned, rest), axis=-1).reshape(x.shape)


def temper(q: jax.Array, inverse: jax.Array) -> jax.Array:
    """Multiplies Q by 1 / t, [T, H]."""
    length, width = q.shape
    heads = inverse.shape[1]
    factors = jnp.broadcast_to(inverse[:, :, None], (length, heads, width // heads))
    return q * factors.reshape(length, width)


def scores(q: jax.Array, k: jax.Array, heads: int) -> jax.Array:
    """Computes the scores, [H, T, T]."""
    return split_heads(q, heads) @ jnp.swapaxes(split_heads(k, heads), -1, -2)


def softmax(scores: jax.Array, mask: float) -> jax.Array:
    """Computes causal softmax. The mask is public, so adding it costs nothing."""
    length = scores.shape[-1]
    future = np.triu(np.full((length, length), mask, dtype=np.float32), k=1)
    return jax.nn.softmax(scores + future, axis=-1)


def two_quad(scores: jax.Array, shift: float) -> jax.Array:
    """Computes causal 2Quad, (s + shift)^2 over its row's sum. A scale of both s and shift cancels.

    A choice masks the scores, because a product with 0 or 1 would be truncated.
    """
    visible = np.tril(np.ones((scores.shape[-1],) * 2, dtype=bool))
    squares = jnp.where(visible, jnp.square(scores + shift), 0)
    return squares * (1 / jnp.sum(squares, axis=-1, keepdims=True))


def relu_attention(scores: jax.Array) -> jax.Array:
    """Computes causal max(s, 0) over the number of visible keys, which is public like the mask."""
    length = scores.shape[-1]
    shares = np.tril(np.ones((length, length))) / np.arange(1, length + 1)[:, None]
    return jnp.maximum(scores, 0) * shares.astype(scores.dtype)


def mix(weights: jax.Array, v: jax.Array) -> jax.Array:
    """Sums the values by their weights, [T, d]."""
    mixed = weights @ split_heads(v, weights.shape[0])
    return jnp.swapaxes(mixed, 0, 1).reshape(v.shape)


def add_scaled(sum_: jax.Array, x: jax.Array, factor: jax.Array) -> jax.Array:
    """Adds x times a gain to a sum."""
    return sum_ + x * factor


def scaled(x: jax.Array, factor: jax.Array) -> jax.Array:
    """Multiplies x by one gain, or by one for each column."""
    return x * factor


def add_mean(sum_: jax.Array, v: jax.Array, gamma: jax.Array) -> jax.Array:
    """Adds gamma, which includes 1 / i, times the running sum of v, summed by doubling strides."""
    total, stride = v, 1
    while stride < v.shape[0]:
        total = total + jnp.pad(total[:-stride], ((stride, 0), (0, 0)))
        stride *= 2
    return sum_ + total * gamma


def gelu(x: jax.Array) -> jax.Array:
    """Computes GELU by erf."""
    return 0.5 * x * (1.0 + jax.lax.erf(x * np.float32(1 / np.sqrt(2))))


def gelu_tanh(x: jax.Array) -> jax.Array:
    """Computes GELU by tanh, as GPT-2 does."""
    inner = np.float32(np.sqrt(2 / np.pi)) * (x + 0.044715 * (x * x * x))
    return 0.5 * x * (1.0 + jnp.tanh(inner))


def relu(x: jax.Array) -> jax.Array:
    """Computes ReLU by one comparison and one choice for each element."""
    return jnp.maximum(x, 0)


def leaky_relu(x: jax.Array, slope: jax.Array | float) -> jax.Array:
    """Computes leaky ReLU; the slope is a secret input or a public number."""
    positive = jnp.maximum(x, 0)
    return positive + (x - positive) * slope


def quadratic(x: jax.Array) -> jax.Array:
    """Computes 0.125 (8^0.5 x + 1)^2 + 0.375 for an x that was divided by 8^0.5 beforehand."""
    return jnp.square(x + float(1 / np.sqrt(8))) + 0.375


ACTIVATIONS: dict[str, Function] = {
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "relu": relu,
    "quadratic": quadratic,
}
