"""Tests aero.reference against published values, hand calculation, brute force and PyTorch."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from aero.config.model import ModelConfig
from aero.reference.decoder import Decoder
from aero.reference.norm import RMSNorm
from aero.reference.tokens import (
    IGNORED,
    Split,
    permute,
    splitmix64,
    splitmix64_of_each,
    write_token_file,
)
from aero.reference.training import duration_steps, learning_rate, parameter_kind


def test_splitmix64_gives_the_published_first_outputs() -> None:
    assert splitmix64(0) == 0xE220A8397B1DCDAF
    assert splitmix64(1234567) == 6457827717110365317
    both = splitmix64_of_each(np.array([0, 1234567], dtype=np.uint64))
    assert both.tolist() == [0xE220A8397B1DCDAF, 6457827717110365317]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 16, 17, 63, 64, 65, 1000, 4097])
def test_a_permutation_visits_each_sample_once(size: int) -> None:
    for epoch in (0, 1, 7):
        visited = permute(np.arange(size), size, seed=1337, epoch=epoch)
        assert sorted(visited.tolist()) == list(range(size))


def test_permutations_differ_between_epochs_and_seeds() -> None:
    orders = [
        permute(np.arange(100), 100, seed, epoch).tolist() for seed in (1, 2) for epoch in (0, 1)
    ]
    assert len({tuple(order) for order in orders}) == 4


def permuted_one_by_one(index: int, size: int, seed: int, epoch: int) -> int:
    """Computes the definition in Python integers."""
    half = next(h for h in range(1, 40) if 4**h >= size)
    key = splitmix64(splitmix64(seed) ^ epoch)
    x = index
    while True:
        left, right = x >> half, x % 2**half
        for number in range(6):
            mixed = splitmix64((key + number + (right << 8)) % 2**64)
            left, right = right, left ^ (mixed % 2**half)
        x = (left << half) + right
        if x < size:
            return x


def test_the_vectorised_permutation_follows_the_definition() -> None:
    for size, seed, epoch in [(37, 5, 0), (1000, 2**63 + 11, 3), (3_000_000_000, 1, 1)]:
        indices = np.array([0, 1, 2, size // 2, size - 1])
        expected = [permuted_one_by_one(int(i), size, seed, epoch) for i in indices]
        assert permute(indices, size, seed, epoch).tolist() == expected


def manifest(folder: Path, *names: str) -> None:
    entries = ", ".join(f'{{"file": "{name}"}}' for name in names)
    (folder / "manifest.json").write_text(f'{{"splits": {{"train": [{entries}]}}}}')


def test_stream_samples_run_through_the_shards(tmp_path: Path) -> None:
    write_token_file(tmp_path / "a.bin", np.arange(0, 8), vocab_size=100)
    write_token_file(tmp_path / "b.bin", np.arange(50, 57), vocab_size=70_000)
    manifest(tmp_path, "a.bin", "b.bin")
    split = Split(tmp_path, "train", context=3)
    assert split.size == 4
    inputs, targets = split.batch([1, 2, 3])
    assert inputs.tolist() == [[3, 4, 5], [50, 51, 52], [53, 54, 55]]
    assert targets.tolist() == [[4, 5, 6], [51, 52, 53], [54, 55, 56]]


def test_chunk_samples_have_no_target_at_their_end(tmp_path: Path) -> None:
    header = b"AEROTOKN" + struct.pack("<IIQIIII", 1, 2, 6, 100, 1, 3, 0)
    payload = np.arange(6, dtype="<u2").tobytes()
    (tmp_path / "a.bin").write_bytes(header.ljust(128, b"\0") + payload)
    manifest(tmp_path, "a.bin")
    inputs, targets = Split(tmp_path, "train", context=3).batch([0, 1])
    assert inputs.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert targets.tolist() == [[1, 2, IGNORED], [4, 5, IGNORED]]
    with pytest.raises(ValueError, match="chunks of 3 tokens"):
        Split(tmp_path, "train", context=2)


def test_a_truncated_token_file_is_refused(tmp_path: Path) -> None:
    write_token_file(tmp_path / "a.bin", np.arange(8), vocab_size=100)
    (tmp_path / "a.bin").write_bytes((tmp_path / "a.bin").read_bytes()[:-1])
    manifest(tmp_path, "a.bin")
    with pytest.raises(ValueError, match=r"a\.bin"):
        Split(tmp_path, "train", context=3)


def test_a_batch_can_span_two_epochs(tmp_path: Path) -> None:
    write_token_file(tmp_path / "a.bin", np.arange(22), vocab_size=100)
    manifest(tmp_path, "a.bin")
    split = Split(tmp_path, "train", context=3)
    seen = split.training_indices(5, 4, seed=3).tolist()
    expected = [permuted_one_by_one(g % 7, 7, 3, g // 7) for g in range(5, 9)]
    assert seen == expected


def test_learning_rates_follow_the_schedules() -> None:
    linear = [learning_rate(s, "linear", 1.0, 0.1, 2, 6) for s in range(6)]
    assert linear == pytest.approx([0.5, 1.0, 1.0, 0.775, 0.55, 0.325])
    cosine = [learning_rate(s, "cosine", 1.0, 0.0, 0, 4) for s in range(4)]
    assert cosine == pytest.approx([1.0, 0.5 + 0.5**1.5, 0.5, 0.5 - 0.5**1.5])
    assert learning_rate(5, "constant", 0.3, 0.0, 2, 6) == 0.3


def test_durations_are_counted_in_steps() -> None:
    assert duration_steps("1000", 64, 10.0) == 1000
    assert duration_steps("10k", 64, 10.0) == 10_000
    assert duration_steps("0.5e", 64, 9.0) == 5
    assert duration_steps("2kt", 64, 10.0) == 31
    assert duration_steps("5%", 64, 10.0, total_steps=250) == 13
    assert duration_steps("1%", 64, 10.0, total_steps=20) == 1
    assert duration_steps("0", 64, 10.0) == 0
    with pytest.raises(ValueError, match="not a duration"):
        duration_steps("soon", 64, 10.0)


def test_parameters_are_distinguished_by_name() -> None:
    kinds = {
        "positions.weight": "embeddings",
        "head.weight": "matrices",
        "blocks.0.norm1.bias": "norms",
        "blocks.11.attention.q.bias": "biases",
        "blocks.1.ffn.activation.slope": "slopes",
        "activation.slope": "slopes",
        "final_norm.weight": "norms",
    }
    assert {name: parameter_kind(name) for name in kinds} == kinds


@pytest.mark.parametrize(
    ("norm", "activation", "count"),
    [("layernorm", "gelu", 124_177_920), ("none", "relu", 124_141_056)],
)
def test_the_authors_parameter_counts_come_out(norm: str, activation: str, count: int) -> None:
    config = ModelConfig(
        vocab_size=50_000, positions=1024, norm=norm, activation=activation, biases="qk"
    )
    with torch.device("meta"):
        model = Decoder(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == count


def test_rms_norm_is_pytorchs() -> None:
    norm = RMSNorm(8, eps=1e-5).double()
    torch.nn.init.uniform_(norm.weight, 0.5, 2.0)
    x = torch.randn(3, 8, dtype=torch.float64)
    expected = functional.rms_norm(x, (8,), norm.weight, 1e-5)
    torch.testing.assert_close(norm(x), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("sharing", ["layer", "model"])
def test_a_learned_slope_is_pytorchs_prelu(sharing: str) -> None:
    config = ModelConfig(
        n_layer=2, n_head=2, d_model=8, vocab_size=11, activation="leaky_relu", leaky_slope=sharing
    )
    slopes = [n for n, _ in Decoder(config).named_parameters() if n.endswith("slope")]
    layers = ["blocks.0.ffn.activation.slope", "blocks.1.ffn.activation.slope"]
    assert slopes == (layers if sharing == "layer" else ["activation.slope"])
    model = Decoder(config)
    activation = model.blocks[0].ffn.activation if sharing == "layer" else model.activation
    x = torch.tensor([-2.0, -0.5, 0.5, 3.0])
    expected = functional.prelu(x, torch.tensor([0.01]))
    torch.testing.assert_close(activation(x), expected)
