"""Draws the weights that a case begins with, so large that every part affects the results."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from aero.golden.case import Case
from aero.reference.decoder import Decoder
from aero.reference.linear import SpectralNormLinear, power_iteration
from aero.reference.norm import FixedLayerNorm

# The centre and the noise's standard deviation of parameters with these last names.
CENTRE_AND_SPREAD = {
    "slope": (0.2, 0.05),
    "gain": (0.7, 0.15),
    "alpha": (1.5, 0.2),
    "beta": (0.8, 0.1),
    "gamma": (1.0, 0.2),
    "value_gain": (1.2, 0.1),
    "value_skip": (0.9, 0.1),
    "attention_gain": (1.1, 0.1),
    "skip_gain": (0.9, 0.1),
    "ffn_gain": (0.5, 0.1),
    "thresholds": (0.5, 0.2),
}


def initial_parameters(case: Case, seed: int) -> dict[str, Tensor]:
    """Draws large random values, so that every nonlinearity, gain, bias and slope has an effect.

    They are uniform: their bits, unlike those of torch.randn, are the same on every processor.
    """
    generator = torch.Generator().manual_seed(seed)
    parameters = {}
    for name, parameter in sorted(Decoder(case.model).named_parameters()):
        noise = (2 * torch.rand(parameter.shape, generator=generator) - 1) * math.sqrt(3)
        part = name.split(".")[-1]
        if part == "temperature":
            parameters[name] = initial_temperature(case.model.temperature, noise)
        elif part in CENTRE_AND_SPREAD:
            centre, spread = CENTRE_AND_SPREAD[part]
            parameters[name] = centre + spread * noise
        elif "norm" in name and name.endswith("weight"):
            parameters[name] = 1.0 + 0.2 * noise
        elif name in ("tokens.weight", "positions.weight"):
            parameters[name] = 0.4 * noise
        else:
            parameters[name] = 0.2 * noise
    return parameters


def initial_temperature(form: str, noise: Tensor) -> Tensor:
    """Draws the stored values of temperatures.

    Those under exp are low, about 0.3, so that attention is far from uniform. Raw ones are about 1,
    and one in seven is negative.
    """
    if form == "exp":
        return -1.2 + 0.3 * noise
    if form == "softplus":
        return 0.5 + 0.4 * noise
    seventh = torch.arange(noise.numel()).view_as(noise) % 7 == 3
    return torch.where(seventh, -1, 1) * (1 + 0.3 * noise)


def initial_vectors(case: Case, seed: int, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Makes the vectors of spectral normalisation by two power iterations, which do not converge.

    They are computed in float64 and rounded, so that they too are the same on every processor.
    """
    generator = torch.Generator().manual_seed(2000 + seed)
    vectors: dict[str, Tensor] = {}
    for name, module in sorted(Decoder(case.model).named_modules()):
        if isinstance(module, SpectralNormLinear):
            weight = parameters[f"{name}.weight"].double()
            v = torch.rand(weight.shape[1], generator=generator).double() - 0.5
            for _ in range(2):
                u, v = power_iteration(weight, v)
            vectors |= {f"{name}.u": u.float(), f"{name}.v": v.float()}
    return vectors


def initial_norms(case: Case, seed: int) -> dict[str, Tensor]:
    """Draws the buffers of fixed norms: the gate, and deviations away from 1."""
    generator = torch.Generator().manual_seed(3000 + seed)
    buffers = {}
    for name, module in sorted(Decoder(case.model).named_modules()):
        if isinstance(module, FixedLayerNorm):
            sigma = 0.5 + 1.5 * torch.rand(1, generator=generator)
            is_fresh = name.split(".")[-1] == case.fresh_norms
            buffers[f"{name}.sigma"] = torch.zeros(1) if is_fresh else sigma
            buffers[f"{name}.gate"] = torch.tensor([case.gate])
    return buffers
