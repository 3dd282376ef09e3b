"""Tests what is read and written beside a run: SPU's log, cost formulas and prompts."""

from __future__ import annotations

from pathlib import Path

import pytest

from aero.config.cost_models import SHIPPED, read_cost_model
from aero.core.errors import AeroError
from aero.private.program.products import FUNCTIONS
from aero.private.run.profile import parse_profile
from aero.private.run.prompt import check_tokens, tokens_from
from aero.results.cost_formulas import CostFormulas

LOG = """
[x] [info] [api.cc:printProfilingData:220] HLO profiling: total time 0.13
[x] [info] [api.cc:223] - pphlo.dot, executed 1 times, duration 0.5s, send bytes 30 recv bytes 12, send actions 3, recv actions 2
[x] [info] [api.cc:printProfilingData:220] HAL profiling: total time 0.13
[x] [info] [api.cc:223] - f_mmul, executed 1 times, duration 0.5s, send bytes 30 recv bytes 12, send actions 3, recv actions 2
[x] [info] [api.cc:printProfilingData:220] MPC profiling: total time 0.13
[x] [info] [api.cc:223] - mmul_vv, executed 1 times, duration 0.4s, send bytes 20 recv bytes 10, send actions 1, recv actions 1
[x] [info] [api.cc:223] - trunc_a, executed 1 times, duration 2e-1s, send bytes 10 recv bytes 2, send actions 2, recv actions 1
[x] [info] [api.cc:233] Link details: total send bytes 30, recv bytes 12, send actions 3, recv actions 2
"""  # noqa: E501


def test_a_log_gives_the_bytes_of_the_run_and_of_each_kernel() -> None:
    profile = parse_profile(LOG.splitlines())
    assert (profile.runs, profile.total.sent, profile.total.received) == (1, 30, 12)
    assert profile.total.messages == 3
    assert set(profile.kernels) == {"pphlo.dot", "mmul_vv", "trunc_a"}
    assert profile.kernels["mmul_vv"].bytes == 30
    assert profile.kernels["trunc_a"].seconds == 0.2


@pytest.mark.parametrize("name", ["default_shared", "fast_shared"])
def test_a_product_of_shared_matrices_takes_ciphertexts_in_both_directions(name: str) -> None:
    model = read_cost_model(SHIPPED / f"spu_0.9.5_{name}.json")
    # 128 x 768 x 768: 12 ciphertexts there and 12 back, twice; 10.851 MB were measured.
    assert CostFormulas(model, functions=FUNCTIONS)(
        "matmul_weight", 128, 768, 768
    ) == pytest.approx(10.851e6, rel=1e-3)


# SPU's log of one run gave these bytes, independently of the models' constants.
MEASURED = {
    ("multiply_activation", 65536): 14505239,
    ("multiply_activation", 32769): 9042443,
    ("multiply_activation", 16385): 5414069,
    ("exp", 8192): 9365109,
    ("exp", 20000): 37123703,
    ("softmax", 1536, 128): 294525066,
    ("softmax", 512, 128): 99023685,
    ("softmax_2quad", 1536, 128): 92220367,
    ("softmax_2quad", 512, 128): 31881025,
    ("relu_attention", 1536, 128): 20512806,
    ("quadratic", 20000): 7212098,
    ("quadratic", 65536): 14507961,
    ("reciprocal", 8192): 26747912,
    ("matmul_weight", 64, 512, 128): 2014028,
    ("matmul_weight", 21, 4096, 128): 4955800,
    ("matmul_activation", 21, 21, 32): 1250700,
}


@pytest.mark.parametrize("call", MEASURED, ids=str)
def test_a_formula_gives_the_measured_bytes(call: tuple[str, ...]) -> None:
    model = read_cost_model(SHIPPED / "spu_0.9.5_default_shared.json")
    assert CostFormulas(model, functions=FUNCTIONS)(*call) == pytest.approx(
        MEASURED[call], rel=0.02
    )


def test_weights_that_the_server_alone_has_take_half() -> None:
    shared, colocated = (
        CostFormulas(
            read_cost_model(SHIPPED / f"spu_0.9.5_default_{weights}.json"),
            functions=FUNCTIONS,
        )
        for weights in ("shared", "colocated")
    )
    ciphertexts = 128 * 768 * 3.125
    assert colocated("matmul_weight", 128, 768, 768) - ciphertexts == pytest.approx(
        (shared("matmul_weight", 128, 768, 768) - ciphertexts) / 2, rel=1e-3
    )


def test_tokens_come_from_the_command_line_and_from_a_file(tmp_path: Path) -> None:
    assert tokens_from("1 2, 3") == [[1, 2, 3]]
    file = tmp_path / "tokens.txt"
    file.write_text("1,2\n\n3 4\n")
    assert tokens_from(str(file)) == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        ([[1, 64]], "token 64 is outside the vocabulary of 64 words"),
        ([[-1]], "token -1 is outside"),
        ([[0] * 17], "17 tokens, but the model's context is 16"),
        ([[1], [1, 2]], "all must have one length"),
    ],
)
def test_tokens_that_the_model_cannot_take_are_refused(
    sequences: list[list[int]], message: str
) -> None:
    with pytest.raises(AeroError, match=message):
        check_tokens(sequences, 64, 16)
