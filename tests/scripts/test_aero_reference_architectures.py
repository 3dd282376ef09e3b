"""Tests aero.reference's architectures against PyTorch, algebra, loops and the papers' counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from aero.config.model import EregConfig, ModelConfig, OwnPartsError, SimplifiedConfig
from aero.reference.decoder import Decoder
from aero.reference.entropy import entropy_of_logarithms, entropy_of_scores, entropy_penalty
from aero.reference.linear import SpectralNormLinear, WeightNormLinear
from aero.reference.simplified import ShapedAttention
from aero.reference.training import parameter_kind
from reference_models import make, tokens

TINY = {"n_layer": 2, "n_head": 2, "d_model": 8, "context": 6, "vocab_size": 11}
BARE = TINY | {"norm": "none", "activation": "none"}


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def like(model: Decoder, **keys: object) -> Decoder:
    """Makes another architecture with the parameters that `model` has under the same names."""
    other = make(**keys)
    other.load_state_dict(model.state_dict(), strict=False)
    return other


def assert_same(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-11, atol=1e-12)


def test_weight_norm_is_pytorchs() -> None:
    ours = WeightNormLinear(5, 7, bias=True).double()
    theirs = parametrizations.weight_norm(nn.Linear(5, 7).double())
    theirs.bias = ours.bias
    g, v = theirs.parametrizations.weight.original0, theirs.parametrizations.weight.original1
    with torch.no_grad():
        v.copy_(ours.weight)
        torch.testing.assert_close(ours.gain, v.norm(dim=1), rtol=1e-6, atol=0)
        ours.gain.mul_(torch.rand(7) + 0.5)
        g.copy_(ours.gain[:, None])
    x = torch.randn(3, 5, dtype=torch.float64)
    assert_same(ours(x), theirs(x))
    ours_grad = torch.autograd.grad(ours(x).pow(3).sum(), [ours.gain, ours.weight])
    theirs_grad = torch.autograd.grad(theirs(x).pow(3).sum(), [g, v])
    assert_same(ours_grad[0][:, None], theirs_grad[0])
    assert_same(ours_grad[1], theirs_grad[1])


def test_spectral_norm_is_pytorchs_while_training_and_after() -> None:
    ours = SpectralNormLinear(5, 7, bias=True).double()
    theirs = parametrizations.spectral_norm(nn.Linear(5, 7).double())
    theirs.bias = ours.bias
    parametrization = theirs.parametrizations.weight
    with torch.no_grad():
        parametrization.original.copy_(ours.weight)
        ours.u = nn.functional.normalize(torch.randn(7, dtype=torch.float64), dim=0)
        ours.v = nn.functional.normalize(torch.randn(5, dtype=torch.float64), dim=0)
        parametrization[0]._u.copy_(ours.u)
        parametrization[0]._v.copy_(ours.v)
    x = torch.randn(3, 5, dtype=torch.float64)
    for training in (True, True, False):
        ours.train(training)
        theirs.train(training)
        (grad,) = torch.autograd.grad(ours(x).pow(3).sum(), ours.weight)
        (expected,) = torch.autograd.grad(theirs(x).pow(3).sum(), parametrization.original)
        assert_same(grad, expected)
        assert_same(ours.u, parametrization[0]._u)
        assert_same(ours.v, parametrization[0]._v)


def test_a_new_spectral_norm_has_found_the_largest_singular_value() -> None:
    layer = SpectralNormLinear(16, 3, bias=False)
    sigma = layer.u @ layer.weight @ layer.v
    assert sigma.item() == pytest.approx(torch.linalg.matrix_norm(layer.weight, 2).item(), rel=1e-2)


def test_a_fused_ffn_is_the_product_of_its_matrices() -> None:
    model = make(**BARE)
    fused = like(model, **BARE, ffn_fused=True)
    with torch.no_grad():
        for block, other in zip(model.blocks, fused.blocks, strict=True):
            other.ffn.w.weight.copy_(block.ffn.w_out.weight @ block.ffn.w_in.weight)
            bias = block.ffn.w_out.weight @ block.ffn.w_in.bias + block.ffn.w_out.bias
            other.ffn.w.bias.copy_(bias)
    batch = tokens()
    assert_same(fused(batch), model(batch))


@pytest.mark.parametrize("parallel", [False, True])
def test_scales_fold_into_the_matrices(parallel: bool) -> None:
    """Beta X_SA + FFN / alpha = X_SA + FFN', FFN' = FFN / alpha + (beta - 1) identity."""
    keys = BARE | {"ffn_fused": True, "parallel_residual": parallel}
    scaled = make(**keys, ffn_scaled=True, alpha_init=1.7, beta_init=0.6)
    plain = like(scaled, **keys)
    with torch.no_grad():
        for block, other in zip(scaled.blocks, plain.blocks, strict=True):
            other.ffn.w.weight.div_(block.alpha).add_((block.beta - 1) * torch.eye(8))
            other.ffn.w.bias.div_(block.alpha)
            if parallel:
                other.attention.o.weight.mul_(block.beta)
                other.attention.o.bias.mul_(block.beta)
    batch = tokens()
    assert_same(scaled(batch), plain(batch))


@pytest.mark.parametrize("family", ["gpt2", "pythia"])
@pytest.mark.parametrize("pruned", [{"ffn_pruned": 1}, {"ffn_pruned_layers": [0]}])
def test_a_pruned_ffn_is_one_that_gives_zero(family: str, pruned: dict[str, object]) -> None:
    keys = TINY | {"family": family, "rotary_fraction": 0.5}
    keys |= {"parallel_residual": family == "pythia"}
    model = make(**keys)
    layer = 1 if "ffn_pruned" in pruned else 0
    with torch.no_grad():
        model.blocks[layer].ffn.w_out.weight.zero_()
        model.blocks[layer].ffn.w_out.bias.zero_()
    smaller = Decoder(ModelConfig.from_dict(keys | pruned)).double()
    missing, unexpected = smaller.load_state_dict(model.state_dict(), strict=False)
    assert not missing
    parts = {".".join(name.split(".")[:3]) for name in unexpected}
    assert parts == {f"blocks.{layer}.ffn", f"blocks.{layer}.norm2"}
    batch = tokens()
    assert_same(smaller(batch), model(batch))


def test_a_pruned_block_has_no_scales() -> None:
    names = dict(make(**TINY, ffn_scaled=True, ffn_pruned=1).named_parameters())
    assert names["blocks.0.alpha"].shape == names["blocks.0.beta"].shape == (1,)
    assert not any(name.startswith(("blocks.1.alpha", "blocks.1.beta")) for name in names)


@pytest.mark.parametrize(
    ("form", "stored"),
    [("raw", lambda t: t), ("exp", torch.log), ("softplus", lambda t: torch.log(t.exp() - 1))],
)
def test_a_temperature_divides_the_queries(form: str, stored: object) -> None:
    """With one temperature for each head, it folds into W_Q."""
    cooled = make(**TINY, temperature=form)
    plain = like(cooled, **TINY)
    with torch.no_grad():
        for block, other in zip(cooled.blocks, plain.blocks, strict=True):
            t = torch.rand(2, dtype=torch.float64) + 0.2
            block.attention.temperature.copy_(stored(t)[:, None].expand(2, 6))
            other.attention.q.weight.div_(t.repeat_interleave(4)[:, None])
            other.attention.q.bias.div_(t.repeat_interleave(4))
    batch = tokens(length=4)
    assert_same(cooled(batch), plain(batch))


def test_a_temperature_belongs_to_its_head_and_query() -> None:
    model = make(**TINY | {"n_layer": 1}, temperature="exp")
    batch = tokens()
    _, before = model.forward_with_entropy(batch)
    with torch.no_grad():
        model.blocks[0].attention.temperature[1, 3] += 1
    _, after = model.forward_with_entropy(batch)
    changed = (before != after).any(dim=1).squeeze(0)
    assert changed.nonzero().tolist() == [[1, 3]]


@pytest.mark.parametrize("form", ["raw", "exp", "softplus"])
def test_temperatures_start_where_the_config_says(form: str) -> None:
    config = ModelConfig.from_dict(TINY | {"temperature": form, "temperature_init": 0.01})
    stored = Decoder(config).blocks[0].attention.temperature.detach().double()
    softplus = torch.log1p(stored.exp())
    t = {"raw": stored, "exp": stored.exp(), "softplus": softplus}[form]
    torch.testing.assert_close(t, torch.full((2, 6), 0.01, dtype=torch.float64), rtol=1e-5, atol=0)


def test_unscaled_attention_has_a_larger_query() -> None:
    unscaled = make(**TINY, attention_scaled=False)
    scaled = like(unscaled, **TINY)
    with torch.no_grad():
        for block in scaled.blocks:
            block.attention.q.weight.mul_(2)  # sqrt(d_k)
            block.attention.q.bias.mul_(2)
    batch = tokens()
    assert_same(scaled(batch), unscaled(batch))


@pytest.mark.parametrize("by_scores", [False, True])
def test_entropy_at_its_extremes(by_scores: bool) -> None:
    def entropy(scores: Tensor) -> Tensor:
        if by_scores:
            return entropy_of_scores(scores)
        return entropy_of_logarithms(scores.log_softmax(dim=-1))

    future = torch.ones(5, 5).triu(1).bool()
    uniform = torch.zeros(5, 5, dtype=torch.float64).masked_fill(future, -math.inf)
    expected = torch.tensor([math.log(n) for n in range(1, 6)], dtype=torch.float64)
    assert_same(entropy(uniform), expected)
    one_hot = (1e4 * torch.eye(5, dtype=torch.float64)).masked_fill(future, -math.inf)
    assert_same(entropy(one_hot), torch.zeros(5, dtype=torch.float64))


def test_the_penalty_by_hand() -> None:
    """The case has E_max = ln e^2 = 2, margin 0.4, two layers, one head and two rows each."""
    context = round(math.e**2 * 1e12) / 1e12
    entropy = torch.tensor([[[[0.6, 1.6]]], [[[1.5, 1.9]]]], dtype=torch.float64)
    thresholds = torch.tensor([[0.5], [0.5]], dtype=torch.float64)
    mean = EregConfig(enabled=True, lambda_=0.1, gamma=0.2, reduction="mean")
    # Means 1.1 and 1.7 against 1: 0.1 is within the margin, 0.7 beyond. 0.1 * 0.49 / 2.
    penalty = entropy_penalty(entropy, thresholds, mean, context)
    assert penalty.item() == pytest.approx(0.0245)
    rows = EregConfig(enabled=True, lambda_=0.1, gamma=0.25, reduction="row_sum")
    # Deviations -0.4 (within 0.5), 0.6, 0.5 + 0.1, 0.9: 0.36, then 0.36 and 0.81 with theta 0.45.
    thresholds[1] = 0.45
    penalty = entropy_penalty(entropy, thresholds, rows, context)
    assert penalty.item() == pytest.approx(0.1 * (0.36 + 0.36 + 1.0) / 2)


def test_the_margin_is_strict() -> None:
    entropy = torch.tensor([[[[0.75]]]])
    ereg = EregConfig(enabled=True, lambda_=1.0, gamma=0.25)
    at = entropy_penalty(entropy / 0.75 * math.log(4), torch.tensor([[0.75]]), ereg, 4)
    within = EregConfig(enabled=True, lambda_=1.0, gamma=0.2)
    beyond = entropy_penalty(entropy / 0.75 * math.log(4), torch.tensor([[0.75]]), within, 4)
    assert at.item() == 0
    assert beyond.item() == pytest.approx((0.25 * math.log(4)) ** 2)


def test_training_adds_the_penalty_and_evaluation_does_not() -> None:
    ereg = {"enabled": True, "lambda": 2.0, "gamma": 0.0, "theta_init": 0.9}
    model = make(**TINY, ereg=ereg)
    batch, targets = tokens(), tokens()
    loss, penalty = model.training_loss(batch, targets)
    expected = nn.functional.cross_entropy(model(batch).flatten(0, 1), targets.flatten())
    assert_same(loss, expected)
    logits, entropy = model.forward_with_entropy(batch)
    assert_same(logits, model(batch))
    assert entropy.shape == (2, 2, 2, 6)
    deviation = entropy.mean((1, 3)) - model.thresholds * math.log(6)
    assert_same(penalty, 2 * deviation.pow(2).mean())
    (grad,) = torch.autograd.grad(loss + penalty, model.thresholds)
    assert_same(grad, -4 * deviation * math.log(6) / 4)
    assert make(**TINY).training_loss(batch, targets)[1].item() == 0


def softmax_rows(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Computes causal attention row by row."""
    rows = np.zeros((len(q), len(k)))
    for i in range(len(q)):
        powers = np.exp([q[i] @ k[j] / math.sqrt(q.shape[1]) for j in range(i + 1)])
        rows[i, : i + 1] = powers / powers.sum()
    return rows


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("fused", [False, True])
def test_shaped_attention_follows_its_equations(layer: int, fused: bool) -> None:
    config = ModelConfig.from_dict(TINY | {"family": "simplified", "biases": "qk"})
    attention = ShapedAttention(config, layer, fused).double()
    for parameter in attention.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(1, 6, 8, dtype=torch.float64)
    actual = attention(x, with_entropy=False)[0][0].detach().numpy()

    p = {name: value.detach().numpy() for name, value in attention.named_parameters()}
    n = x[0].numpy()
    q, k = (n @ p[f"{name}.weight"].T + p[f"{name}.bias"] for name in "qk")
    values = n
    if layer == 0:
        values = p["value_gain"] * (n @ p["v.weight"].T) + p["value_skip"] * n
    else:
        assert "v.weight" not in p
    expected = np.zeros((6, 8))
    for head in range(2):
        part = slice(4 * head, 4 * head + 4)
        softmax = softmax_rows(q[:, part], k[:, part])
        for i in range(6):
            mixed = p["alpha"][head] * softmax[i] @ values[:, part]
            mixed += p["beta"][head] * values[i, part]
            mixed -= p["gamma"][head] * values[: i + 1, part].mean(axis=0)
            expected[i, part] = mixed
    np.testing.assert_allclose(actual, expected, rtol=1e-11, atol=1e-12)


def test_shaped_attention_starts_as_the_identity() -> None:
    config = ModelConfig.from_dict(TINY | {"family": "simplified", "biases": "qk"})
    attention = ShapedAttention(config, 0, fused=False).double()
    x = torch.randn(2, 6, 8, dtype=torch.float64)
    mixed, entropy = attention(x, with_entropy=True)
    assert_same(mixed, x)
    assert_same(entropy[0, 0], torch.arange(1, 7, dtype=torch.float64).log())


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("pruned", [0, 2])
def test_the_simplified_block_follows_its_equations(parallel: bool, pruned: int) -> None:
    keys = TINY | {"family": "simplified", "biases": "qk", "norm": "rmsnorm", "norm_bias": False}
    keys |= {"activation": "relu", "ffn_scaled": True}
    model = make(**keys, parallel_residual=parallel, ffn_pruned=pruned)
    block = model.blocks[0]
    x = torch.randn(2, 6, 8, dtype=torch.float64)
    p = dict(block.named_parameters())

    def rms(name: str, y: Tensor) -> Tensor:
        return nn.functional.rms_norm(y, (8,), p[f"{name}.weight"], 1e-5)

    def ffn(y: Tensor) -> Tensor:
        return (y @ p["ffn.w_in.weight"].T).relu() @ p["ffn.w_out.weight"].T

    n = rms("norm1", x)
    h = p["attention_gain"] * block.attention(n, with_entropy=False)[0]
    if pruned:
        expected = h
    elif parallel:
        expected = h + p["ffn_gain"] * ffn(n)
    else:
        expected = p["skip_gain"] * h + p["ffn_gain"] * ffn(rms("norm2", h))
    assert_same(block(x, with_entropy=False)[0], expected)
    assert ("skip_gain" in p) == (not parallel and not pruned)
    assert ("norm2.weight" in p) == (not parallel and not pruned)
    assert ("ffn_gain" in p) == (not pruned)


def test_without_norms_layer_0_of_the_simplified_model_keeps_one() -> None:
    keys = BARE | {"family": "simplified", "biases": "qk", "ffn_scaled": True}
    norms = [n for n, _ in make(**keys, final_norm=False).named_parameters() if "norm" in n]
    assert norms == ["blocks.0.norm1.weight", "blocks.0.norm1.bias"]


def test_a_simplified_models_gains_start_where_the_config_says() -> None:
    section = {"attention_gain": 0.5, "skip_gain": 0.7, "ffn_gain": 0.2, "shaped_init": 0.9}
    keys = TINY | {"family": "simplified", "biases": "qk", "simplified": section}
    block = Decoder(ModelConfig.from_dict(keys)).blocks[1]
    found = {name: getattr(block, name).item() for name in section if name != "shaped_init"}
    found["shaped_init"] = block.attention.gamma[1].item()
    assert found == pytest.approx(section)


@pytest.mark.parametrize(
    ("keys", "count"),
    [
        ({}, 74_595_864),
        ({"ffn_pruned": 6}, 71_056_908),
        ({"temperature": "raw", "ereg": {"enabled": True}}, 74_595_864 + 18_576),
    ],
)
def test_the_papers_parameter_counts_come_out(keys: dict[str, object], count: int) -> None:
    fused = {"vocab_size": 50_000, "positions": 1024, "norm": "none", "activation": "none"}
    fused |= {"biases": "qk", "ffn_fused": True, "ffn_scaled": True}
    with torch.device("meta"):
        model = Decoder(ModelConfig.from_dict(fused | keys))
    assert sum(parameter.numel() for parameter in model.parameters()) == count


def test_a_section_survives_writing_and_reading() -> None:
    config = ModelConfig(
        ffn_pruned_layers=(1, 3),
        ereg=EregConfig(enabled=True, lambda_=0.3, reduction="row_sum"),
        simplified=SimplifiedConfig(ffn_gain=0.4),
    )
    section = config.to_dict()
    assert section["ereg"]["lambda"] == 0.3
    assert section["ffn_pruned_layers"] == [1, 3]
    assert "temperature" not in section
    assert ModelConfig.from_dict(section | {"architecture": "SM"}) == config


def test_the_remedies_parameters_are_distinguished_by_name() -> None:
    kinds = {
        "blocks.0.alpha": "scales",
        "blocks.0.beta": "scales",
        "blocks.3.attention.gamma": "scales",
        "blocks.0.attention.value_skip": "scales",
        "blocks.0.attention_gain": "scales",
        "blocks.0.ffn_gain": "scales",
        "blocks.0.ffn.w.gain": "gains",
        "blocks.0.ffn.w.weight": "matrices",
        "blocks.0.attention.temperature": "temperatures",
        "thresholds": "thresholds",
    }
    assert {name: parameter_kind(name) for name in kinds} == kinds


def test_parts_that_a_program_brought_are_refused() -> None:
    assert ModelConfig.from_dict(TINY | {"own_parts": ""}) == ModelConfig.from_dict(TINY)
    with pytest.raises(OwnPartsError, match=r"model\.own_parts: 'DytImpl: final_norm'"):
        ModelConfig.from_dict(TINY | {"own_parts": "DytImpl: final_norm"})
