"""The weights as a private run takes them: what can be folded beforehand is.

The residual stream of a model without norms is kept as x = c x', c the product of the betas (or
skip gains) passed so far: they then cost nothing, and the matrices around take 1/c and c. All
arithmetic is in float64.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from aero_reference.config import ModelConfig

from .errors import PrivateError

Tensors = dict[str, np.ndarray]


def scales_stream(config: ModelConfig) -> bool:
    """Whether c may differ from 1."""
    simplified = config.family == "simplified"
    return config.norm == "none" and (config.ffn_scaled or simplified)


class _Reader:
    """Takes a checkpoint's tensors by name and remembers which were taken."""

    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        self.tensors = tensors

    def has(self, name: str) -> bool:
        return name in self.tensors

    def get(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        if name not in self.tensors:
            raise PrivateError(f"the checkpoint's weights lack {name}, which its config asks for")
        tensor = self.tensors[name]
        if tensor.shape != shape:
            raise PrivateError(f"weights: {name} is {list(tensor.shape)}, not {list(shape)}")
        return tensor

    def number(self, name: str) -> float:
        return float(self.get(name, (1,))[0])


class Folder:
    """Folds a model; `notes` says what it folded."""

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
        """[in, out], with its normalisation carried out."""
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

    def _bias(self, name: str, wanted: bool, width: int) -> np.ndarray | None:
        return self._from.get(f"{name}.bias", (width,)) if wanted else None

    def _set(self, name: str, value: np.ndarray | None) -> None:
        if value is not None:
            self.folded[name] = value

    def _norm(self, name: str, kind: str) -> None:
        if kind == "none":
            return
        width = (self.config.d_model,)
        self._set(f"{name}.weight", self._from.get(f"{name}.weight", width))
        if kind == "layernorm" and self.config.norm_bias:
            self._set(f"{name}.bias", self._from.get(f"{name}.bias", width))

    def fold(self) -> Tensors:
        config = self.config
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

    def _attention(self, name: str, scale: float) -> None:
        """Q and K of c x', with 1 / sqrt(d_k) in Q, and 1 / t as [T, H]."""
        config, width = self.config, self.config.d_model
        has_bias = config.biases in ("all", "qk")
        divisor = 1.0
        if config.attention_scaled:
            divisor = float(np.sqrt(config.d_head))
            self._note("1 / sqrt(d_k), into W_Q")
        for part, factor in (("q", 1 / divisor), ("k", 1.0)):
            weight = self._matrix(f"{name}.{part}", config.qk_form, width, width)
            self._set(f"{name}.{part}.weight", weight * (factor * scale))
            bias = self._bias(f"{name}.{part}", has_bias, width)
            self._set(f"{name}.{part}.bias", None if bias is None else bias * factor)
        if config.temperature != "none":
            stored = self._from.get(f"{name}.temperature", (config.n_head, config.context))
            forms = {"raw": lambda t: t, "exp": np.exp, "softplus": lambda t: np.logaddexp(0, t)}
            temperature = forms[config.temperature](stored)
            if (temperature == 0).any():
                raise PrivateError(f"weights: {name}.temperature has a temperature of 0")
            self._set(f"{name}.temperature", 1 / temperature.T)
            self._note(f"the temperature's form ({config.temperature}): 1 / t itself is a weight")

    def _ffn(self, name: str, scale: float, divisor: float) -> None:
        """The FFN of c x', divided."""
        config, width = self.config, self.config.d_model
        has_bias = config.biases == "all"
        if config.ffn_fused:
            weight = self._matrix(f"{name}.w", config.ffn_form, width, width)
            self._set(f"{name}.w.weight", weight * (scale / divisor))
            bias = self._bias(f"{name}.w", has_bias, width)
            self._set(f"{name}.w.bias", None if bias is None else bias / divisor)
            return
        inner = config.ffn_width
        weight = self._matrix(f"{name}.w_in", config.ffn_form, width, inner)
        self._set(f"{name}.w_in.weight", weight * scale)
        self._set(f"{name}.w_in.bias", self._bias(f"{name}.w_in", has_bias, inner))
        weight = self._matrix(f"{name}.w_out", config.ffn_form, inner, width)
        self._set(f"{name}.w_out.weight", weight / divisor)
        bias = self._bias(f"{name}.w_out", has_bias, width)
        self._set(f"{name}.w_out.bias", None if bias is None else bias / divisor)
        if config.activation == "leaky_relu" and config.leaky_slope != "fixed":
            shared = config.leaky_slope == "model"
            source = "activation.slope" if shared else f"{name}.activation.slope"
            self._set(f"{name}.slope", self._from.get(source, (1,)))

    def _nonzero(self, name: str) -> float:
        value = self._from.number(name)
        if value == 0:
            raise PrivateError(f"weights: {name} is 0, which does not divide")
        return value

    def _block(self, layer: int, scale: float) -> float:
        """Of x = c x'; returns the next c."""
        config, width, name = self.config, self.config.d_model, f"blocks.{layer}"
        plain = config.norm == "none"
        self._norm(f"{name}.norm1", config.norm)
        self._attention(f"{name}.attention", scale if plain else 1.0)
        has_bias = config.biases == "all"
        for part, form, factor in (
            ("v", config.v_form, scale if plain else 1.0),
            ("o", config.o_form, 1 / scale),
        ):
            weight = self._matrix(f"{name}.attention.{part}", form, width, width)
            self._set(f"{name}.attention.{part}.weight", weight * factor)
            bias = self._bias(f"{name}.attention.{part}", has_bias, width)
            if bias is not None and part == "o":
                bias = bias * factor
            self._set(f"{name}.attention.{part}.bias", bias)
        if not config.has_ffn(layer):
            return scale
        self._norm(f"{name}.norm2", config.norm)
        alpha = beta = 1.0
        if config.ffn_scaled:
            alpha = self._nonzero(f"{name}.alpha")
            self._note("alpha, into the FFN's matrix")
            if plain:
                beta = self._nonzero(f"{name}.beta")
                self._note("beta, into the matrices that follow")
            else:
                self._set(f"{name}.beta", self._from.get(f"{name}.beta", (1,)))
        self._ffn(f"{name}.ffn", scale if plain else 1.0, alpha * beta * scale)
        return scale * beta

    def _simplified_block(self, layer: int, scale: float) -> float:
        """H = a attention(n1(x)) makes x afresh, so that c goes into the gains of its parts."""
        config, width, name = self.config, self.config.d_model, f"blocks.{layer}"
        plain = config.norm == "none"
        first = layer == 0
        kind = "layernorm" if first and plain else config.norm
        self._norm(f"{name}.norm1", kind)
        self._attention(f"{name}.attention", scale if kind == "none" else 1.0)
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
        self._ffn(f"{name}.ffn", read, divisor)
        return skip
