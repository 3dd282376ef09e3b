"""Runs a tiny model between two real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tiny_model import CONTEXT, MODEL, WIDTH, WORDS, tensors, write_checkpoint

pytest.importorskip("spu")

from aero.config.cost_models import SHIPPED, read_cost_model
from aero.config.model import ModelConfig
from aero.private.program.products import FUNCTIONS
from aero.private.run.spawn import free_addresses
from aero.results.cost_formulas import CostFormulas
from test_prompt import PADDING, write_tokenizer
from test_tokenizer_identity import WORDS as PIECES
from test_tokenizer_identity import digest
from unfolded import logits, random_weights

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "private_inference.py"
AERO = ROOT / "build" / "release" / "bin" / "aero"
TOKENS = " ".join(str(token) for token in np.random.default_rng(1).integers(0, WORDS, CONTEXT))


SEED = 5
SUBSTITUTES: dict[str, Any] = {
    "family": "gpt2",
    "n_layer": 1,
    "n_head": MODEL["n_head"],
    "d_model": WIDTH,
    "d_ffn": 2 * WIDTH,
    "context": CONTEXT,
    "vocab_size": WORDS,
    "norm": "layernorm_fixed",
    "activation": "quadratic",
    "temperature": "softplus",
    "temperature_shape": "head",
}


def costs(weights: str) -> CostFormulas:
    """Returns the formulas of the shipped cost model."""
    model = read_cost_model(SHIPPED / f"spu_0.9.5_default_{weights}.json")
    return CostFormulas(model, functions=FUNCTIONS)


def always_predicted(cost: CostFormulas, length: int = CONTEXT) -> float:
    """Adds up by hand the bytes of the operations that all tiny models have."""
    heads, head_width = MODEL["n_head"], WIDTH // MODEL["n_head"]
    return (
        cost("embedding", length, WORDS, WIDTH)
        + 4 * cost("matmul_weight", length, WIDTH, WIDTH)  # q, k, v, o
        + heads * cost("matmul_activation", length, head_width, length)
        + heads * cost("matmul_activation", length, length, head_width)
        + cost("layernorm", length, WIDTH)
        + cost("head", length, WORDS, WIDTH)
    )


def pass_bytes(cost: CostFormulas, length: int) -> float:
    """Returns the bytes of a pass of MODEL over `length` tokens."""
    return (
        always_predicted(cost, length)
        + cost("matmul_weight", length, WIDTH, WIDTH)  # w
        + cost("multiply_weight", length * WIDTH)  # the temperature
        + cost("softmax", MODEL["n_head"] * length, length)
    )


def run(folder: Path, weights: str, out: Path) -> dict[str, Any]:
    """Runs private_inference.py, checks its logits, and returns what it writes."""
    command = [sys.executable, str(SCRIPT), str(folder), "--tokens", TOKENS, "--json", str(out)]
    command += ["--weights", weights]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text())
    comparisons = [result[key] for key in ("against_folded", "against_aero") if key in result]
    assert comparisons
    for compared in comparisons:
        assert compared["largest_logit"] > 3
        assert compared["largest_error"] < 0.1
        assert compared["top1_agreement"] >= 15 / 16
    assert result["client_sent_bytes"] + result["server_sent_bytes"] == result["bytes"]
    return result


def check_bytes(result: dict[str, Any], predicted: float, cost: CostFormulas) -> None:
    """Checks the bytes of a pass against the predicted ones.

    Matrix products draw on nothing that is made in batches, so each takes the predicted bytes.
    Elsewhere a batch of triples, 1.2 MB, may fall before or after the run.
    """
    measured = {row["name"]: row["measured"] for row in result["operations"]}
    assert measured["embedding"] == pytest.approx(
        cost("embedding", CONTEXT, WORDS, WIDTH), rel=0.005
    )
    assert measured["head"] == pytest.approx(cost("head", CONTEXT, WORDS, WIDTH), rel=0.005)
    heads = MODEL["n_head"]
    for name, depth, columns in (
        ("scores", WIDTH // heads, CONTEXT),
        ("mix", CONTEXT, WIDTH // heads),
    ):
        product = heads * cost("matmul_activation", CONTEXT, depth, columns)
        assert measured[name] == pytest.approx(product, rel=0.005), name
    for name in ("q", "k", "v", "o", "w"):
        if name in measured:
            product = cost("matmul_weight", CONTEXT, WIDTH, WIDTH)
            assert measured[name] == pytest.approx(product, rel=0.005), name
    if "relu_attention" in measured:
        rows = heads * CONTEXT
        assert measured["relu_attention"] == pytest.approx(
            cost("relu_attention", rows, CONTEXT), rel=0.05
        )
    assert abs(result["bytes"] - predicted) < 1.3e6 + 0.01 * predicted
    if AERO.is_file():
        assert result["predicted_bytes"] == pytest.approx(predicted, rel=1e-3)


@pytest.mark.parametrize("weights", [pytest.param("colocated", marks=pytest.mark.slow), "shared"])
def test_logits_are_those_of_the_plain_run_and_bytes_as_predicted(
    weights: str, tmp_path: Path
) -> None:
    result = run(write_checkpoint(tmp_path / "run"), weights, tmp_path / "out.json")
    cost = costs(weights)
    predicted = pass_bytes(cost, CONTEXT)
    check_bytes(result, predicted, cost)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("attention", "primitive", "weights"),
    [("two_quad", "softmax_2quad", "shared"), ("relu", "relu_attention", "colocated")],
)
def test_substitutes_have_the_logits_of_the_plain_run_too(
    attention: str, primitive: str, weights: str, tmp_path: Path
) -> None:
    model = SUBSTITUTES | {"attention": attention}
    drawn = random_weights(ModelConfig.from_dict(model))
    tensors = {name: tensor.astype(np.float32) for name, tensor in drawn.items()}
    folder = write_checkpoint(tmp_path / "run", tensors, model)
    result = run(folder, weights, tmp_path / "out.json")
    cost, rows = costs(weights), MODEL["n_head"] * CONTEXT
    predicted = (
        always_predicted(cost)
        + cost("matmul_weight", CONTEXT, WIDTH, 2 * WIDTH)
        + cost("matmul_weight", CONTEXT, 2 * WIDTH, WIDTH)
        + cost("quadratic", CONTEXT * 2 * WIDTH)
        + cost(primitive, rows, CONTEXT)
    )
    check_bytes(result, predicted, cost)
    # The folded program has no norms of the block and no temperatures.
    taking = {row["name"] for row in result["operations"]}
    products = {"embedding", "q", "k", "v", "scores", "mix", "o", "w_in", "w_out", "head"}
    assert taking == products | {primitive, "activation", "final_norm"}


@pytest.mark.slow
def test_tokens_are_generated_one_by_one(tmp_path: Path) -> None:
    config = ModelConfig.from_dict(MODEL)
    drawn = random_weights(config, SEED)
    drawn["positions.weight"] *= 4  # so that the model does not only repeat what it has read
    weights = {name: tensor.astype(np.float32) for name, tensor in drawn.items()}
    folder, out = write_checkpoint(tmp_path / "run", weights), tmp_path / "out.json"
    command = [sys.executable, str(SCRIPT), str(folder), "--tokens", "5 9 2", "--json", str(out)]
    command += ["--weights", "colocated", "--max-tokens", "4"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text())
    rows = result["generated"]
    tokens = [row["token"] for row in rows]
    assert tokens == result["generated_plain"] == greedy(config, drawn, [5, 9, 2], 4)
    assert len(set(tokens)) > 2
    assert "the same as by a plain run of the folded model" in done.stdout
    cost = costs("colocated")
    assert [row["positions"] for row in rows] == [3, 4, 5, 6]
    for row in rows:
        predicted = pass_bytes(cost, row["positions"])
        # A batch of triples falls before the pass, after it or into it.
        assert abs(row["measured"] - predicted) < 2 * 1.3e6
        if AERO.is_file():
            assert row["predicted"] == pytest.approx(predicted, rel=1e-3)
    assert rows[0]["measured"] == result["bytes"]
    if AERO.is_file():
        assert result["generated_aero"] == tokens
        assert "the same as by `aero generate` at temperature 0" in done.stdout


def test_parties_apart_generate_what_the_client_asks_for(tmp_path: Path) -> None:
    folder, peers = write_checkpoint(tmp_path / "run"), ",".join(free_addresses())
    base = [sys.executable, str(SCRIPT), str(folder), "--peers", peers, "--weights", "colocated"]
    outs = [tmp_path / "client.json", tmp_path / "server.json"]
    prompt = ["--tokens", "5 9 2", "--max-tokens", "2"]
    with subprocess.Popen([*base, "--party", "1", "--json", str(outs[1])]) as server:
        try:
            client = subprocess.run(
                [*base, "--party", "0", *prompt, "--json", str(outs[0])],
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert client.returncode == 0, client.stderr
            assert server.wait(timeout=60) == 0
        finally:
            server.kill()
    ours, theirs = (json.loads(out.read_text())["generated"] for out in outs)
    assert [row["positions"] for row in ours] == [row["positions"] for row in theirs] == [3, 4]
    # The server knows the bytes, and no tokens.
    assert [row["measured"] for row in ours] == [row["measured"] for row in theirs]
    assert [row["token"] for row in theirs] == [None, None]
    config, weights = ModelConfig.from_dict(MODEL), tensors()
    assert [row["token"] for row in ours] == greedy(config, weights, [5, 9, 2], 2)


def meet(
    folders: tuple[Path, Path], *options: str
) -> tuple[subprocess.CompletedProcess[str], subprocess.CompletedProcess[str]]:
    """Runs client and server, each with its own folder; `options` are the client's."""
    base = [sys.executable, str(SCRIPT)]
    peers = ["--peers", ",".join(free_addresses()), "--weights", "colocated"]
    command = [*base, str(folders[1]), "--party", "1", *peers]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            client = subprocess.run(
                [*base, str(folders[0]), "--party", "0", *peers, *options],
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            out, errors = server.communicate(timeout=60)
        finally:
            server.kill()
    return client, subprocess.CompletedProcess(command, server.returncode, out, errors)


def write_pair(place: Path) -> tuple[tuple[Path, Path], str, str]:
    """Writes folders of a client without weights and of a server; returns them and their hashes."""
    folders = place / "client", place / "server"
    model = MODEL | {"vocab_size": PIECES}
    for folder in folders:
        write_checkpoint(folder, random_floats(model), model)
    (folders[0] / "weights.safetensors").unlink()
    ours = digest(write_tokenizer(folders[0] / "tokenizer.json", padding=PADDING))
    return folders, ours, digest(write_tokenizer(folders[1] / "tokenizer.json"))


@pytest.mark.parametrize("known_by", ["state.json", "tokenizer.json"])
def test_a_client_with_another_tokenizer_is_refused(known_by: str, tmp_path: Path) -> None:
    folders, ours, theirs = write_pair(tmp_path)
    if known_by == "state.json":
        (folders[1] / "tokenizer.json").unlink()
        (folders[1] / "state.json").write_text(json.dumps({"tokenizer_sha256": theirs}))
    for done in meet(folders, "--prompt", "ab"):
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith(
            f"error: the client (tokenizer {ours[:12]}) and the server (tokenizer {theirs[:12]}) "
            "have different tokenizers"
        )
        assert "--other-tokenizer" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [("--prompt", "ab", "--other-tokenizer"), ("--tokens", "1 2")], ids=" ".join
)
def test_a_client_that_allows_it_or_knows_no_tokenizer_is_served(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    folders, _, _ = write_pair(tmp_path)
    if "--tokens" in options:
        (folders[0] / "tokenizer.json").unlink()
    for done in meet(folders, *options):
        assert done.returncode == 0, done.stderr


def random_floats(model: dict[str, Any]) -> dict[str, np.ndarray]:
    drawn = random_weights(ModelConfig.from_dict(model))
    return {name: tensor.astype(np.float32) for name, tensor in drawn.items()}


def greedy(
    config: ModelConfig, weights: dict[str, np.ndarray], prompt: list[int], count: int
) -> list[int]:
    """Generates greedily by a decoder in float64 that folds nothing."""
    sequence = list(prompt)
    for _ in range(count):
        sequence.append(int(np.argmax(logits(config, weights, sequence)[-1])))
    return sequence[len(prompt) :]


@pytest.mark.slow
def test_a_server_that_is_killed_ends_the_client_with_a_message(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "run")
    peers = ",".join(free_addresses())
    base = [sys.executable, str(SCRIPT), str(folder), "--peers", peers]
    client = subprocess.Popen(
        [*base, "--party", "0", "--tokens", TOKENS], stderr=subprocess.PIPE, text=True
    )
    server = subprocess.Popen([*base, "--party", "1"], stderr=subprocess.DEVNULL)
    try:
        port = int(peers.rpartition(":")[2])
        deadline = time.monotonic() + 60
        while not _listens(port) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)
        server.send_signal(signal.SIGKILL)
        _, errors = client.communicate(timeout=120)
    finally:
        for process in (client, server):
            process.kill()
            process.wait()
    assert client.returncode == 2, errors
    assert "the other party" in errors
    assert "Traceback" not in errors


def _listens(port: int) -> bool:
    listening = f":{port:04X} 00000000:0000 0A"
    return listening in Path("/proc/net/tcp").read_text(encoding="ascii")
