"""Implements a decoder with the substitutes of other papers in float64, without folding."""

from __future__ import annotations

import numpy as np

from aero.config.model import ModelConfig

Weights = dict[str, np.ndarray]
FORMS = {"raw": lambda t: t, "exp": np.exp, "softplus": lambda t: np.log1p(np.exp(t))}


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of a checkpoint's tensors: gpt2 or pythia, plain matrices, a tied head."""
    width, inner = config.d_model, config.ffn_width
    result: dict[str, tuple[int, ...]] = {"tokens.weight": (config.vocab_size, width)}
    if config.family == "gpt2":
        result["positions.weight"] = (config.context, width)
    norms = ["final_norm"]
    for layer in range(config.n_layer):
        block = f"blocks.{layer}"
        norms += [f"{block}.norm1", f"{block}.norm2"] if config.norm != "none" else []
        matrices = {f"attention.{part}": (width, width) for part in "qkvo"}
        if config.ffn_fused:
            matrices["ffn.w"] = (width, width)
        else:
            matrices |= {"ffn.w_in": (inner, width), "ffn.w_out": (width, inner)}
        for name, shape in matrices.items():
            result[f"{block}.{name}.weight"] = shape
            if config.biases == "all" or (config.biases == "qk" and name[-1] in "qk"):
                result[f"{block}.{name}.bias"] = shape[:1]
        if config.temperature != "none":
            shape = (config.n_head, config.temperature_columns)
            result[f"{block}.attention.temperature"] = shape
        if config.ffn_scaled:
            result |= {f"{block}.alpha": (1,), f"{block}.beta": (1,)}
    for name in norms:
        result[f"{name}.weight"] = (width,)
        if config.norm_bias:
            result[f"{name}.bias"] = (width,)
        if config.norm == "layernorm_fixed" and name != "final_norm":
            result |= {f"{name}.sigma": (1,), f"{name}.gate": (1,)}
    return result


def random_weights(config: ModelConfig, seed: int = 0) -> Weights:
    """Draws matrices of orthogonal scale, gains, deviations and scales near 1, and gates of 0."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in shapes(config).items():
        drawn, last = rng.standard_normal(shape), name.rpartition(".")[2]
        if last == "gate":
            drawn = np.zeros(1)
        elif last in ("sigma", "alpha", "beta") or ("norm" in name and last == "weight"):
            drawn = np.exp(0.2 * drawn)
        elif last == "weight" and "blocks" in name:
            drawn *= shape[1] ** -0.5
        else:
            drawn *= 0.3
        weights[name] = drawn
    return weights


def _linear(weights: Weights, name: str, x: np.ndarray) -> np.ndarray:
    return x @ weights[f"{name}.weight"].T + weights.get(f"{name}.bias", 0)


def _norm(weights: Weights, name: str, x: np.ndarray, config: ModelConfig) -> np.ndarray:
    """Computes LayerNorm by a row's deviation, or by a constant one where the norm has it."""
    if f"{name}.weight" not in weights:
        return x
    centred = x - x.mean(-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + config.norm_eps)
    sigma = weights.get(f"{name}.sigma", deviation)
    return centred / sigma * weights[f"{name}.weight"] + weights.get(f"{name}.bias", 0)


def attention_matrix(config: ModelConfig, scores: np.ndarray) -> np.ndarray:
    """Returns the weights of one head, [T, T], from scaled scores."""
    length = len(scores)
    result = np.zeros_like(scores)
    for i in range(length):
        row = scores[i, : i + 1]
        if config.attention == "two_quad":
            squares = (row + config.two_quad_shift) ** 2
            result[i, : i + 1] = squares / squares.sum()
        elif config.attention == "relu":
            result[i, : i + 1] = np.maximum(row, 0) / (i + 1)
        else:
            result[i, : i + 1] = np.exp(row) / np.exp(row).sum()
    return result


def _attention(weights: Weights, name: str, x: np.ndarray, config: ModelConfig) -> np.ndarray:
    q, k, v = (_linear(weights, f"{name}.{part}", x) for part in "qkv")
    mixed = []
    for head, columns in enumerate(np.split(np.arange(config.d_model), config.n_head)):
        scores = q[:, columns] @ k[:, columns].T / np.sqrt(config.d_head)
        if config.temperature != "none":
            stored = weights[f"{name}.temperature"][head]
            scores = scores / FORMS[config.temperature](stored)[: len(x), None]
        mixed.append(attention_matrix(config, scores) @ v[:, columns])
    return _linear(weights, f"{name}.o", np.concatenate(mixed, axis=-1))


def _ffn(weights: Weights, name: str, x: np.ndarray, config: ModelConfig) -> np.ndarray:
    if config.ffn_fused:
        return _linear(weights, f"{name}.w", x)
    x = _linear(weights, f"{name}.w_in", x)
    if config.activation == "quadratic":
        x = 0.125 * x**2 + 0.25 * x + 0.5
    return _linear(weights, f"{name}.w_out", x)


def logits(config: ModelConfig, weights: Weights, tokens: list[int]) -> np.ndarray:
    """Returns the logits, [T, V]."""
    x = weights["tokens.weight"][tokens]
    if config.family == "gpt2":
        x = x + weights["positions.weight"][: len(tokens)]
    for layer in range(config.n_layer):
        block = f"blocks.{layer}"
        normed = _norm(weights, f"{block}.norm1", x, config)
        attended = x + _attention(weights, f"{block}.attention", normed, config)
        source = x if config.parallel_residual else attended
        fed = _ffn(
            weights, f"{block}.ffn", _norm(weights, f"{block}.norm2", source, config), config
        )
        alpha, beta = (weights.get(f"{block}.{name}", 1) for name in ("alpha", "beta"))
        x = beta * attended + fed / alpha
    return _norm(weights, "final_norm", x, config) @ weights["tokens.weight"].T
