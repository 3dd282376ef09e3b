"""Tests aero.reference's substitutes for softmax, GELU and LayerNorm by hand, loops and folding."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from aero.config.model import ModelConfig, NormFixedConfig
from aero.reference.attention import Attention, masked
from aero.reference.entropy import entropy_of_numerators, entropy_of_weights
from aero.reference.feed_forward import Quadratic
from aero.reference.norm import FixedLayerNorm, gate_at
from aero.reference.simplified import ShapedAttention
from aero.reference.training import parameter_kind
from aero.reference.weights import attention_weights
from reference_models import make, tokens

TINY = {"n_layer": 2, "n_head": 2, "d_model": 8, "context": 6, "vocab_size": 11}
FIXED = TINY | {"norm": "layernorm_fixed", "norm_eps": 0.5}


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def wide(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def assert_same(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]),
        ([-5.0, 0.0], [0.0, 1.0]),
        ([5.0, 0.0], [0.8, 0.2]),
        ([5.0, 0.0, -math.inf], [0.8, 0.2, 0.0]),
    ],
)
def test_two_quad_by_hand(scores: list[float], expected: list[float]) -> None:
    assert_same(attention_weights("two_quad", wide([scores]), 5.0), wide([expected]))


def test_relu_attention_by_hand() -> None:
    scores = masked(wide([[4.0, 9.0, 9.0], [-1.0, -2.0, 9.0], [1.0, -1.0, 2.0]]))
    expected = wide([[4.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1 / 3, 0.0, 2 / 3]])
    assert_same(attention_weights("relu", scores, 5.0), expected)


def test_an_unknown_attention_is_refused() -> None:
    with pytest.raises(ValueError, match="sigmoid"):
        attention_weights("sigmoid", torch.zeros(1, 1), 5.0)


def test_quadratic_by_hand() -> None:
    x = wide([0.0, -1.0, 2.0])
    assert_same(Quadratic()(x), wide([0.5, 0.375, 1.5]))
    assert_same(Quadratic()(x), 0.125 * (x + 1) ** 2 + 0.375)


def row_by_row(kind: str, q: np.ndarray, k: np.ndarray, shift: float) -> np.ndarray:
    """Computes attention weights by the definitions, with queries divided by their temperature."""
    rows = np.zeros((len(q), len(k)))
    for i in range(len(q)):
        scores = [q[i] @ k[j] / math.sqrt(q.shape[1]) for j in range(i + 1)]
        if kind == "two_quad":
            total = sum((s + shift) ** 2 for s in scores)
            rows[i, : i + 1] = [(s + shift) ** 2 / total for s in scores]
        else:
            rows[i, : i + 1] = [max(s, 0) / (i + 1) for s in scores]
    return rows


def entropy_by_row(weights: np.ndarray) -> np.ndarray:
    """Computes the entropy of each row over its sum, in nats."""
    entropies = []
    for row in weights:
        shares = [w / row.sum() for w in row if w > 0]
        entropies.append(-sum(share * math.log(share) for share in shares))
    return np.array(entropies)


@pytest.mark.parametrize("shape", ["position", "head"])
@pytest.mark.parametrize("kind", ["two_quad", "relu"])
@pytest.mark.parametrize("fused", [False, True])
def test_attention_follows_its_definition(kind: str, shape: str, fused: bool) -> None:
    keys = {"attention": kind, "two_quad_shift": 1.5, "temperature": "exp"}
    config = ModelConfig.from_dict(TINY | keys | {"temperature_shape": shape})
    attention = Attention(config, fused).double()
    for parameter in attention.parameters():
        nn.init.normal_(parameter, std=0.7)
    x = torch.randn(1, 4, 8, dtype=torch.float64)
    actual, entropy = attention(x, with_entropy=True)

    p = {name: value.detach().numpy() for name, value in attention.named_parameters()}
    assert p["temperature"].shape == ((2, 6) if shape == "position" else (2, 1))
    q, k, v = (x[0].numpy() @ p[f"{name}.weight"].T + p[f"{name}.bias"] for name in "qkv")
    mixed = np.zeros((4, 8))
    for head in range(2):
        part = slice(4 * head, 4 * head + 4)
        t = np.exp(p["temperature"][head][:4])[:, None]
        weights = row_by_row(kind, q[:, part] / t, k[:, part], 1.5)
        mixed[:, part] = weights @ v[:, part]
        expected = entropy_by_row(weights)
        np.testing.assert_allclose(entropy[0, head].detach(), expected, rtol=1e-11, atol=1e-12)
    expected = mixed @ p["o.weight"].T + p["o.bias"]
    np.testing.assert_allclose(actual[0].detach(), expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("kind", ["two_quad", "relu"])
def test_both_ways_to_attend_have_the_same_derivatives(kind: str) -> None:
    keys = TINY | {"attention": kind, "temperature": "raw", "temperature_init": 1.0}
    model, other = make(**keys), make(fused=True, **keys)
    other.load_state_dict(model.state_dict())
    batch = tokens()
    gradients = []
    for decoder in (model, other):
        logits, entropy = decoder.forward_with_entropy(batch)
        total = logits.pow(2).sum() + entropy.pow(2).sum()
        gradients.append(torch.autograd.grad(total, list(decoder.parameters())))
    for one, two in zip(*gradients, strict=True):
        assert one.isfinite().all()
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["two_quad", "relu"])
def test_the_future_has_no_part_in_a_row(kind: str) -> None:
    model = make(**TINY, attention=kind)
    batch = tokens()
    other = batch.clone()
    other[:, 4:] = (other[:, 4:] + 1) % 11
    assert torch.equal(model(batch)[:, :4], model(other)[:, :4])


@pytest.mark.parametrize("kind", ["two_quad", "relu"])
def test_a_shaped_attention_mixes_with_a_substitute(kind: str) -> None:
    config = ModelConfig.from_dict(TINY | {"family": "simplified", "attention": kind})
    one, two = (ShapedAttention(config, 1, fused).double() for fused in (False, True))
    for parameter in one.parameters():
        nn.init.normal_(parameter)
    two.load_state_dict(one.state_dict())
    x = torch.randn(1, 3, 8, dtype=torch.float64)
    q, k = one.queries_and_keys(x)
    a, b, c = (value[:, None, None] for value in (one.alpha, one.beta, one.gamma))
    uniform = wide([[1, 0, 0], [1 / 2, 1 / 2, 0], [1 / 3, 1 / 3, 1 / 3]])
    matrix = a * attention_weights(kind, one.scores(q, k), 5.0) + b * torch.eye(3) - c * uniform
    expected = (matrix @ one.heads(x)).transpose(1, 2).flatten(-2)
    assert_same(one(x, with_entropy=False)[0], expected)
    assert_same(two(x, with_entropy=False)[0], expected)


@pytest.mark.parametrize("entropy", [entropy_of_weights, entropy_of_numerators])
def test_entropy_of_weights_by_hand(entropy: object) -> None:
    rows = wide([[3.0, 0.0, 3.0], [0.0, 0.0, 0.0], [0.0, 0.7, 0.0], [0.2, 0.1, 0.1]])
    rows.requires_grad_()
    expected = wide([math.log(2), 0.0, 0.0, 1.5 * math.log(2)])
    actual = entropy(rows)
    assert_same(actual, expected)
    (grad,) = torch.autograd.grad(actual.sum(), rows)
    assert grad.isfinite().all()
    # d/dw_j = -(log(w_j / n) + E) / n
    assert_same(grad[3], (-wide([0.5, 0.25, 0.25]).log() - 1.5 * math.log(2)) / 0.4)


def test_ereg_goes_with_two_quad_and_not_with_relu() -> None:
    ereg = {"enabled": True, "lambda": 2.0, "gamma": 0.0, "theta_init": 0.9}
    model = make(**TINY, attention="two_quad", ereg=ereg)
    batch, targets = tokens(), tokens()
    _, penalty = model.training_loss(batch, targets)
    _, entropy = model.forward_with_entropy(batch)
    deviation = entropy.mean((1, 3)) - model.thresholds * math.log(6)
    assert_same(penalty, 2 * deviation.pow(2).mean())
    (grad,) = torch.autograd.grad(penalty, model.blocks[0].attention.q.weight)
    assert grad.abs().max() > 0
    with pytest.raises(ValueError, match="EReg"):
        make(**TINY, attention="relu", ereg=ereg)


@pytest.mark.parametrize("kind", ["softmax", "two_quad", "relu"])
@pytest.mark.parametrize("form", ["raw", "exp", "softplus"])
def test_a_heads_temperature_folds_into_its_query(kind: str, form: str) -> None:
    keys = TINY | {"attention": kind}
    shape = {"temperature": form, "temperature_shape": "head", "temperature_init": 1.2}
    cooled, plain = make(**keys, **shape), make(**keys)
    plain.load_state_dict(cooled.state_dict(), strict=False)
    with torch.no_grad():
        for block, other in zip(cooled.blocks, plain.blocks, strict=True):
            stored = block.attention.temperature
            assert stored.shape == (2, 1)
            softplus = torch.log1p(stored.exp())
            t = {"raw": stored, "exp": stored.exp(), "softplus": softplus}[form].flatten()
            assert (t[0] - t[1]).abs() > 1e-3
            other.attention.q.weight.div_(t.repeat_interleave(4)[:, None])
            other.attention.q.bias.div_(t.repeat_interleave(4))
    batch = tokens(length=4)
    assert_same(cooled(batch), plain(batch))


def test_an_unknown_shape_of_a_temperature_is_refused() -> None:
    with pytest.raises(ValueError, match="row"):
        make(**TINY, temperature="raw", temperature_shape="row")


def fixed_norm(gate: float, sigma: float, **keys: object) -> FixedLayerNorm:
    norm = FixedLayerNorm(ModelConfig.from_dict(FIXED | keys)).double()
    with torch.no_grad():
        for parameter in norm.parameters():
            parameter.add_(torch.randn_like(parameter))
        norm.gate.fill_(gate)
        norm.sigma.fill_(sigma)
    return norm


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("gate", [1.0, 0.25, 0.0])
def test_a_fixed_norm_passes_from_layernorm_to_a_linear_map(gate: float, bias: bool) -> None:
    norm = fixed_norm(gate, 0.8, norm_bias=bias).eval()
    x = torch.randn(3, 8, dtype=torch.float64) + 1
    layernorm = nn.functional.layer_norm(x, (8,), norm.weight, norm.bias, 0.5)
    matrix = (torch.eye(8, dtype=torch.float64) - 1 / 8) * norm.weight / 0.8
    linear = x @ matrix if norm.bias is None else x @ matrix + norm.bias
    assert_same(norm(x), gate * layernorm + (1 - gate) * linear)
    assert ("bias" in norm.state_dict()) == bias


def test_the_deviation_is_a_running_average_of_batches() -> None:
    norm = fixed_norm(1.0, 0.0, norm_fixed={"momentum": 0.75})
    first = wide([[1, -1, 1, -1, 1, -1, 1, -1], [2, -2, 2, -2, 2, -2, 2, -2]])
    norm(first)
    assert_same(norm.sigma, wide([3.0]).sqrt())  # (1 + 4) / 2 + 0.5
    norm(first[1:] * 2)
    assert_same(norm.sigma, wide([0.75 * 3 + 0.25 * 16.5]).sqrt())


@pytest.mark.parametrize(("gate", "training"), [(1.0, False), (0.99, True), (0.0, True)])
def test_the_deviation_rests_outside_training_and_once_the_gate_moves(
    gate: float, training: bool
) -> None:
    norm = fixed_norm(gate, 0.8).train(training)
    norm(torch.randn(3, 8, dtype=torch.float64))
    assert norm.sigma.item() == 0.8


def test_before_the_first_batch_a_fixed_norm_is_a_layernorm() -> None:
    model = make(**FIXED)
    plain = make(**FIXED | {"norm": "layernorm"})
    _, unexpected = plain.load_state_dict(model.state_dict(), strict=False)
    norms = [f"blocks.{layer}.norm{number}" for layer in (0, 1) for number in (1, 2)]
    assert set(unexpected) == {f"{norm}.{part}" for norm in norms for part in ("sigma", "gate")}
    batch = tokens()
    assert_same(model(batch), plain(batch))


def test_the_gate_falls_as_half_a_cosine() -> None:
    config = NormFixedConfig(start=0.25, end=0.75)
    shares = (0.0, 0.25, 0.5, 0.625, 0.75, 1.0)
    expected = (1.0, 1.0, 0.5, 0.5 - math.sqrt(0.125), 0.0, 0.0)
    assert [gate_at(share, config) for share in shares] == pytest.approx(expected)
    at_once = NormFixedConfig(start=0.5, end=0.5)
    assert [gate_at(share, at_once) for share in (0.5, 0.51)] == [1.0, 0.0]


def test_progress_sets_every_gate() -> None:
    model = make(**FIXED, norm_fixed={"start": 0.2, "end": 0.6})
    model.set_progress(0.4)
    gates = [buffer.item() for name, buffer in model.named_buffers() if name.endswith("gate")]
    assert gates == pytest.approx([0.5] * 4)


@pytest.mark.parametrize("kind", ["two_quad", "relu"])
def test_every_substitute_trains(kind: str) -> None:
    """Compares autograd with finite differences along a random direction of all parameters."""
    keys = FIXED | {"attention": kind, "activation": "quadratic", "temperature": "exp"}
    model = make(**keys, temperature_shape="head", temperature_init=0.5)
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            buffer.fill_(0.4 if name.endswith("gate") else 1.3)
    batch, targets = tokens(), tokens()
    parameters = list(model.parameters())
    directions = [torch.randn_like(parameter) for parameter in parameters]
    gradients = torch.autograd.grad(model.training_loss(batch, targets)[0], parameters)
    slope = sum((g * d).sum().item() for g, d in zip(gradients, directions, strict=True))
    losses = []
    for step in (1e-6, -2e-6):
        with torch.no_grad():
            for parameter, direction in zip(parameters, directions, strict=True):
                parameter.add_(step * direction)
        losses.append(model.training_loss(batch, targets)[0].item())
    assert (losses[0] - losses[1]) / 2e-6 == pytest.approx(slope, rel=1e-5)


def test_a_section_with_substitutes_survives_writing_and_reading() -> None:
    config = ModelConfig(
        norm="layernorm_fixed",
        activation="quadratic",
        attention="two_quad",
        two_quad_shift=3.0,
        temperature="exp",
        temperature_shape="head",
        norm_fixed=NormFixedConfig(start=0.1),
    )
    section = config.to_dict()
    assert section["norm_fixed"] == {"start": 0.1, "end": 0.7, "momentum": 0.99}
    assert ModelConfig.from_dict(section) == config
    assert config.final_norm_kind == "layernorm"


def test_a_section_without_substitutes_does_not_name_them() -> None:
    new = {"attention", "two_quad_shift", "temperature_shape", "norm_fixed"}
    assert not new & ModelConfig().to_dict().keys()


def test_parameters_of_substitutes_are_of_the_known_kinds() -> None:
    keys = FIXED | {"attention": "two_quad", "temperature": "exp", "temperature_shape": "head"}
    kinds = {name: parameter_kind(name) for name, _ in make(**keys).named_parameters()}
    assert kinds["blocks.0.norm1.weight"] == kinds["blocks.0.norm2.bias"] == "norms"
    assert kinds["blocks.1.attention.temperature"] == "temperatures"
    assert not any(name.endswith(("sigma", "gate")) for name in kinds)
