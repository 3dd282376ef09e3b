"""Makes random decoders of aero.reference for the tests."""

from __future__ import annotations

import torch
from torch import Tensor

from aero.config.model import ModelConfig
from aero.reference.decoder import Decoder


def make(fused: bool = False, **keys: object) -> Decoder:
    """Makes a float64 decoder with random parameters of every kind."""
    model = Decoder(ModelConfig.from_dict(keys), fused).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def tokens(batch: int = 2, length: int = 6) -> Tensor:
    return torch.randint(11, (batch, length))
