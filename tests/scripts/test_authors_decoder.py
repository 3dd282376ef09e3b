"""Tests that aero.reference.authors, whose speed AERO is compared with, is AERO's model."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from aero.config.model import EregConfig, ModelConfig
from aero.reference.authors import AuthorsDecoder
from aero.reference.decoder import Decoder

EREG = EregConfig(enabled=True, lambda_=0.03, gamma=0.1, reduction="row_sum")
CONFIG = ModelConfig(
    n_layer=3,
    n_head=2,
    d_model=16,
    context=9,
    vocab_size=31,
    norm="none",
    activation="none",
    biases="qk",
    ffn_scaled=True,
    ffn_fused=True,
    ffn_pruned=1,
    temperature="raw",
    temperature_init=0.7,
    ereg=EREG,
)
BASELINE = ModelConfig(
    n_layer=2,
    n_head=2,
    d_model=16,
    context=9,
    vocab_size=31,
    norm="layernorm",
    activation="gelu",
    biases="qk",
)


def of_reference(name: str, theirs: dict[str, torch.Tensor]) -> torch.Tensor:
    """Returns a parameter of the reference decoder, taken from the authors' names and layout."""
    for part, half in (("attention.q.", 0), ("attention.k.", 1)):
        if part in name:
            return theirs[name.replace(part, "attention.qk.")].chunk(2)[half]
    return theirs[name.replace("ffn.w.", "ffn.")]


@pytest.mark.parametrize(
    "config",
    [CONFIG, dataclasses.replace(CONFIG, ereg=EregConfig()), BASELINE],
    ids=["EReg", "without", "SM+LN+G"],
)
def test_loss_and_gradients_are_those_of_the_reference(config: ModelConfig) -> None:
    torch.manual_seed(0)
    authors = AuthorsDecoder(config).double()
    with torch.no_grad():
        for parameter in authors.parameters():  # no two alike, and scores that spread
            parameter.add_(0.1 * torch.rand_like(parameter))
    reference = Decoder(config).double()
    theirs = dict(authors.named_parameters())
    names = [name for name, _ in reference.named_parameters()]
    reference.load_state_dict({name: of_reference(name, theirs).detach() for name in names})

    tokens, targets = torch.randint(31, (2, 4, 9))
    loss = authors(tokens, targets)
    loss.backward()
    cross_entropy, penalty = reference.training_loss(tokens, targets)
    (cross_entropy + penalty).backward()
    # The eps in their logarithm is worth 1e-9 a key.
    torch.testing.assert_close(loss, cross_entropy + penalty, rtol=1e-7, atol=0)
    assert (penalty > 0.01) == config.ereg.enabled
    gradients = {name: parameter.grad for name, parameter in theirs.items()}
    for name, parameter in reference.named_parameters():
        expected = of_reference(name, gradients)
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "config",
    [
        dataclasses.replace(CONFIG, norm="layernorm"),
        dataclasses.replace(CONFIG, biases="all"),
        dataclasses.replace(CONFIG, temperature="exp"),
        dataclasses.replace(BASELINE, activation="gelu_tanh"),
        dataclasses.replace(BASELINE, ffn_pruned=1),
    ],
    ids=["norm", "biases", "temperature", "tanh", "pruned"],
)
def test_another_model_is_refused(config: ModelConfig) -> None:
    with pytest.raises(ValueError, match="only SM"):
        AuthorsDecoder(config)


def test_another_reduction_is_refused() -> None:
    with pytest.raises(ValueError, match="row_sum"):
        AuthorsDecoder(dataclasses.replace(CONFIG, ereg=EregConfig(enabled=True)))
