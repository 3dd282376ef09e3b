"""A tiny model between two real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tiny_model import CONTEXT, MODEL, WIDTH, WORDS, write_checkpoint

pytest.importorskip("spu")

from aero_private.formula import Formulas
from aero_private.spawn import free_addresses

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "private_inference.py"
TOKENS = " ".join(str(token) for token in np.random.default_rng(1).integers(0, WORDS, CONTEXT))


def predicted(weights: str) -> float:
    """Bytes of the tiny model, added up here by hand."""
    model = json.loads((ROOT / "configs/cost" / f"spu_0.9.5_default_{weights}.json").read_text())
    cost, heads = Formulas(model), MODEL["n_head"]
    head_width = WIDTH // heads
    return (
        cost("embedding", CONTEXT, WORDS, WIDTH)
        + 5 * cost("matmul_weight", CONTEXT, WIDTH, WIDTH)  # q, k, v, o, w
        + cost("multiply_weight", CONTEXT * WIDTH)  # the temperature
        + heads * cost("matmul_activation", CONTEXT, head_width, CONTEXT)
        + cost("softmax", heads * CONTEXT, CONTEXT)
        + heads * cost("matmul_activation", CONTEXT, CONTEXT, head_width)
        + cost("layernorm", CONTEXT, WIDTH)
        + cost("head", CONTEXT, WORDS, WIDTH)
    )


@pytest.mark.parametrize("weights", ["shared", "colocated"])
def test_logits_are_those_of_the_plain_run_and_bytes_as_predicted(
    weights: str, tmp_path: Path
) -> None:
    folder, out = write_checkpoint(tmp_path / "run"), tmp_path / "out.json"
    command = [sys.executable, str(SCRIPT), str(folder), "--tokens", TOKENS, "--json", str(out)]
    command += ["--weights", weights]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text())
    compared = result["against_folded"]
    assert compared["largest_logit"] > 3
    assert compared["largest_error"] < 0.1
    assert compared["top1_agreement"] >= 15 / 16
    # A batch of triples, 1.2 MB, may fall before or after the run.
    assert abs(result["bytes"] - predicted(weights)) < 1.3e6 + 0.01 * predicted(weights)
    assert result["client_sent_bytes"] + result["server_sent_bytes"] == result["bytes"]


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
