"""Folds a checkpoint's weights into those that a private run multiplies by.

The residual stream of a model without norms is kept as x = c x', where c is the product of the
betas (or skip gains) passed so far. They then cost nothing, because the matrices around the stream
include 1/c and c. All arithmetic is in float64.

`aero transform` (src/model/surgery.cpp) folds forms, norms, scales and the temperatures of heads,
too. This module is written independently of it, as a check: tests/private/test_same_folding.py
compares the two. Only a private run folds the scale of 2Quad's scores, the quadratic activation,
the simplified block and the temperatures of positions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from aero.config.model import ModelConfig
from aero.core.errors import UsageError
from aero.private.program.fixed_norm import FixedNorm, fixed_norm

Tensors = dict[str, np.ndarray]


def has_linear_blocks(config: ModelConfig) -> bool:
    """Returns whether only matrices read the residual stream. A fixed norm folds into them."""
    return config.norm in ("none", "layernorm_fixed")


def scales_stream(config: ModelConfig) -> bool:
    """Returns whether c may differ from 1."""
    simplified = config.family == "simplified"
    return has_linear_blocks(config) and (config.ffn_scaled or simplified)


def has_bias(config: ModelConfig, part: str) -> bool:
    """Returns whether `part`, one of q, k, v, o, w_in, w_out and w, has a bias once it is folded.

    The bias of a fixed norm becomes a bias of the matrices that follow.
    """
    if config.norm == "layernorm_fixed" and config.norm_bias and part not in ("o", "w_out"):
        return True
    return config.biases == "all" or (config.biases == "qk" and part in ("q", "k"))


def folds_temperature(config: ModelConfig) -> bool:
    """Returns whether the temperature folds into W_Q: it must not depend on the position."""
    return config.temperature != "none" and config.temperature_shape == "head"


def two_quad_scale(config: ModelConfig) -> float:
    """Returns the factor of both the scores and the shift of 2Quad, which keeps their ratio.

    Where the shift outweighs the scores, the sum of a row with i visible keys is then about
    i / T^0.5, as far below 1 as above it. This matters because the weights are off by some 2^-18
    times the larger of sum and 1 / sum.
    """
    return 1 / (max(1.0, abs(config.two_quad_shift)) * math.pow(config.context, 0.25))


class _Reader:
    """Looks up a checkpoint's tensors by name and checks their shapes."""

    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        self.tensors = tensors

    def has(self, name: str) -> bool:
        return name in self.tensors

    def get(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        if name not in self.tensors:
            raise UsageError(f"the checkpoint's weights lack {name}, which its config asks for")
        tensor = self.tensors[name]
        if tensor.shape != shape:
            raise UsageError(f"weights: {name} is {list(tensor.shape)}, not {list(shape)}")
        return tensor

    def number(self, name: str) -> float:
        return float(self.get(name, (1,))[0])


class Folder:
    """Folds a model; `notes` lists what it folded."""

    def __init__(self, config: ModelConfig, tensors: Mapping[str, np.ndarray]) -> None:
        self.config, self._from = config, _Reader(tensors)
        self.folded: Tensors = {}
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> list[str]:
        return list(self._notes)

    def _note(self, text: str) -> None:
        self._notes.setdefault(text)

    def _matrix(self, name: str, form: str, width_in: int, width_out: int) -> np.ndarray:
        """Returns the matrix as [in, out], with its normalisation carried out."""
        weight = self._from.get(f"{name}.weight", (width_out, width_in))
        if form == "weight_norm":
            gain = self._from.get(f"{name}.gain", (width_out,))
            weight = gain[:, None] * weight / np.linalg.norm(weight, axis=1, keepdims=True)
            self._note("weight normalisation, into the matrices")
        elif form == "spectral_norm":
            u = self._from.get(f"{name}.u", (width_out,))
            v = self._from.get(f"{name}.v", (width_in,))
            weight = weight / (u @ weight @ v)
            self._note("spectral normalisation, into the matrices")
        return weight.T

    def _bias(self, name: str, part: str, width: int) -> np.ndarray | None:
        biases = self.config.biases
        wanted = biases == "all" or (biases == "qk" and part in ("q", "k"))
        return self._from.get(f"{name}.bias", (width,)) if wanted else None

    def _linear(
        self, path: str, part: str, form: str, sizes: tuple[int, int], norm: FixedNorm | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns weight [in, out] and bias of path.part, with the norm before it folded in."""
        name = f"{path}.{part}"
        weight, bias = self._matrix(name, form, *sizes), self._bias(name, part, sizes[1])
        if norm is None:
            return weight, bias
        return norm.into_matrix(weight), norm.into_bias(weight, bias)

    def _set(self, name: str, value: np.ndarray | None) -> None:
        if value is not None:
            self.folded[name] = value

    def _norm(self, name: str, kind: str) -> FixedNorm | None:
        """Keeps the norm's weights, or returns the norm to fold into the next matrices."""
        if kind == "none":
            return None
        width = (self.config.d_model,)
        weight, bias = self._from.get(f"{name}.weight", width), None
        if kind != "rmsnorm" and self.config.norm_bias:
            bias = self._from.get(f"{name}.bias", width)
        if kind == "layernorm_fixed":
            self._note(
                "the norms of the blocks, whose deviation is a constant, into what reads them"
            )
            sigma, gate = (self._from.number(f"{name}.{part}") for part in ("sigma", "gate"))
            return fixed_norm(name, weight, bias, sigma, gate)
        self._set(f"{name}.weight", weight)
        self._set(f"{name}.bias", bias)
        return None

    def fold(self) -> Tensors:
        """Returns the weights in float32; `folded` keeps them in float64."""
        config = self.config
        if config.family == "simplified" and config.norm == "layernorm_fixed":
            raise UsageError(
                'model.norm: "layernorm_fixed": in the family simplified values are the norm\'s '
                "output, and no matrix follows that it could go into; take layernorm"
            )
        width, words = config.d_model, config.vocab_size
        embedding = self._from.get("tokens.weight", (words, width))
        self._set("embedding", embedding)
        if config.family != "pythia":
            rows = config.position_rows
            self._set("position", self._from.get("positions.weight", (rows, width)))
        block = self._simplified_block if config.family == "simplified" else self._block
        scale = 1.0
        for layer in range(config.n_layer):
            scale = block(layer, scale)
        self._norm("final_norm", config.final_norm_kind)
        head = embedding if config.tied_head else self._from.get("head.weight", (words, width))
        if config.final_norm_kind == "none":
            head = head * scale
        elif scales_stream(config):
            # norm(c x', eps) = sign(c) norm(x', eps / c^2)
            self._set("final_norm.weight", self.folded["final_norm.weight"] * np.sign(scale))
            self._set("final_norm.eps", np.array([config.norm_eps / scale**2]))
        self._set("head", head.T)
        return {
            name: np.ascontiguousarray(tensor, dtype=np.float32)
            for name, tensor in self.folded.items()
        }

    def _attention(self, name: str, scale: float, norm: FixedNorm | None) -> None:
        """Folds Q and K of c x', the scales of the scores into Q, and keeps 1 / t as [T, H]."""
        config, width = self.config, self.config.d_model
        factor: float | np.ndarray = 1.0
        if config.attention_scaled:
            factor /= float(np.sqrt(config.d_head))
            self._note("1 / sqrt(d_k), into W_Q")
        if config.attention == "two_quad":
            factor *= two_quad_scale(config)
            self._note("a scale of 2Quad's scores that keeps the sums of rows near 1, into W_Q")
        if folds_temperature(config):
            factor = factor / np.repeat(self._temperature(name, 1)[:, 0], config.d_head)
            self._note("the temperatures of the heads, into W_Q")
        for part, of_part in (("q", factor), ("k", 1.0)):
            weight, bias = self._linear(name, part, config.qk_form, (width, width), norm)
            self._set(f"{name}.{part}.weight", weight * (of_part * scale))
            self._set(f"{name}.{part}.bias", None if bias is None else bias * of_part)
        if config.temperature != "none" and not folds_temperature(config):
            self._set(f"{name}.temperature", 1 / self._temperature(name, config.context).T)
            self._note(f"the temperature's form ({config.temperature}): 1 / t itself is a weight")

    def _temperature(self, name: str, columns: int) -> np.ndarray:
        """Returns the temperature t itself, [H, columns]."""
        config = self.config
        stored = self._from.get(f"{name}.temperature", (config.n_head, columns))
        forms: dict[str, Callable[[np.ndarray], np.ndarray]] = {
            "raw": lambda t: t,
            "exp": np.exp,
            "softplus": lambda t: np.logaddexp(0, t),
        }
        temperature = forms[config.temperature](stored)
        if (temperature == 0).any():
            raise UsageError(f"weights: {name}.temperature has a temperature of 0")
        return temperature

    def _ffn(self, name: str, scale: float, divisor: float, norm: FixedNorm | None) -> None:
        """Folds the FFN of c x', and divides its output by `divisor`."""
        config, width = self.config, self.config.d_model
        if config.ffn_fused:
            weight, bias = self._linear(name, "w", config.ffn_form, (width, width), norm)
            self._set(f"{name}.w.weight", weight * (scale / divisor))
            self._set(f"{name}.w.bias", None if bias is None else bias / divisor)
            return
        inner, factor = config.ffn_width, 1.0
        if config.activation == "quadratic":
            factor = float(1 / np.sqrt(8))
            self._note("1 / sqrt(8) of the quadratic activation, into W_in")
        weight, bias = self._linear(name, "w_in", config.ffn_form, (width, inner), norm)
        self._set(f"{name}.w_in.weight", weight * (scale * factor))
        self._set(f"{name}.w_in.bias", None if bias is None else bias * factor)
        weight, bias = self._linear(name, "w_out", config.ffn_form, (inner, width))
        self._set(f"{name}.w_out.weight", weight / divisor)
        self._set(f"{name}.w_out.bias", None if bias is None else bias / divisor)
        if config.activation == "leaky_relu" and config.leaky_slope != "fixed":
            shared = config.leaky_slope == "model"
            source = "activation.slope" if shared else f"{name}.activation.slope"
            self._set(f"{name}.slope", self._from.get(source, (1,)))

    def _nonzero(self, name: str) -> float:
        value = self._from.number(name)
        if value == 0:
            raise UsageError(f"weights: {name} is 0, and nothing can be divided by it")
        return value

    def _block(self, layer: int, scale: float) -> float:
        """Folds the block of x = c x' and returns the next c."""
        config, width, name = self.config, self.config.d_model, f"blocks.{layer}"
        linear = has_linear_blocks(config)
        path, norm = f"{name}.attention", self._norm(f"{name}.norm1", config.norm)
        self._attention(path, scale if linear else 1.0, norm)
        weight, bias = self._linear(path, "v", config.v_form, (width, width), norm)
        self._set(f"{path}.v.weight", weight * (scale if linear else 1.0))
        self._set(f"{path}.v.bias", bias)
        weight, bias = self._linear(path, "o", config.o_form, (width, width))
        self._set(f"{path}.o.weight", weight / scale)
        self._set(f"{path}.o.bias", None if bias is None else bias / scale)
        if not config.has_ffn(layer):
            return scale
        norm = self._norm(f"{name}.norm2", config.norm)
        alpha = beta = 1.0
        if config.ffn_scaled:
            alpha = self._nonzero(f"{name}.alpha")
            self._note("alpha, into the FFN's matrix")
            if linear:
                beta = self._nonzero(f"{name}.beta")
                self._note("beta, into the matrices that follow")
            else:
                self._set(f"{name}.beta", self._from.get(f"{name}.beta", (1,)))
        self._ffn(f"{name}.ffn", scale if linear else 1.0, alpha * beta * scale, norm)
        return scale * beta

    def _simplified_block(self, layer: int, scale: float) -> float:
        """Folds the simplified block and returns the next c.

        H = a attention(n1(x)) makes x afresh, so c goes into the gains of its parts.
        """
        config, width, name = self.config, self.config.d_model, f"blocks.{layer}"
        plain = config.norm == "none"
        first = layer == 0
        kind = "layernorm" if first and plain else config.norm
        self._norm(f"{name}.norm1", kind)
        self._attention(f"{name}.attention", scale if kind == "none" else 1.0, None)
        gain = self._from.number(f"{name}.attention_gain") * (scale if kind == "none" else 1.0)
        self._note("a, the attention's gain, into alpha, beta and gamma of the shaped attention")
        for part, sign in (("alpha", 1), ("beta", 1), ("gamma", -1)):
            value = self._from.get(f"{name}.attention.{part}", (config.n_head,))
            columns = np.repeat(value * gain * sign, config.d_head)
            if part == "gamma":
                self._note("1 / i of the running mean, into gamma")
                columns = columns / np.arange(1, config.context + 1)[:, None]
            self._set(f"{name}.attention.{part}", columns)
        if first:
            weight = self._matrix(f"{name}.attention.v", "plain", width, width)
            learned = self._from.number(f"{name}.attention.value_gain")
            skip = self._from.number(f"{name}.attention.value_skip")
            self._set(f"{name}.attention.v.weight", learned * weight + skip * np.eye(width))
            self._note("g_r and g_s of the first values, into W_V")
        if not config.has_ffn(layer):
            return 1.0
        ffn_gain, skip = self._from.number(f"{name}.ffn_gain"), 1.0
        self._note("m_r, the FFN's gain, into W_out")
        if not config.parallel_residual:
            self._norm(f"{name}.norm2", config.norm)
            if plain:
                skip = self._nonzero(f"{name}.skip_gain")
                self._note("m_s, the skip's gain, into the matrices that follow")
            else:
                self._set(f"{name}.skip_gain", self._from.get(f"{name}.skip_gain", (1,)))
        # A parallel FFN reads what the attention reads.
        read = scale if config.parallel_residual and kind == "none" else 1.0
        divisor = skip / ffn_gain if ffn_gain != 0 else np.inf
        self._ffn(f"{name}.ffn", read, divisor, None)
        return skip
