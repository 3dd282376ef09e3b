"""Prints one encrypted run, and writes it to a file."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aero.checkpoint.kinds import WEIGHTS
from aero.core.errors import AeroError
from aero.core.files import write_text
from aero.private.program.forward_pass import build_program
from aero.private.program.plan import Plan
from aero.private.report import generated, outcome_report
from aero.private.report.aero_program import (
    Prediction,
    aero_tokens,
    predict,
)
from aero.private.report.logits import check_logits, most_likely
from aero.private.run.line import Network
from aero.private.run.party import Outcome
from aero.private.run.prompt import (
    text_of,
    words_of,
)


@dataclass(frozen=True)
class ReportOptions:
    """Says what to report, and where."""

    cost: str | None  # the cost model; None: that of the settings
    by_layer: bool
    kernels: bool
    json: Path | None
    other_tokenizer: bool


def report(
    options: ReportOptions,
    plan: Plan,
    outcome: Outcome,
    aero: Path | None,
    network: Network | None,
) -> None:
    """Prints the run, and writes it to a file where the command line asks for one."""
    passes = len(plan.sequences) if plan.sequences else max(1, outcome.stages[0].runs)
    length = outcome.length
    program = build_program(plan.checkpoint.config, length, plan.settings)
    cost_model = options.cost or plan.settings.cost_model

    @functools.cache
    def predicted(positions: int) -> Prediction:
        return predict(aero, plan.checkpoint.folder, positions, cost_model)

    prediction = predicted(length)
    print()
    result = outcome_report.as_json(program, outcome, prediction, passes)
    table = outcome_report.rows(program, outcome, prediction, passes, options.by_layer)
    print("\n".join(outcome_report.operation_table(table)))
    total = result["bytes"]
    line = f"{total / 1e6:.3f} MB"
    if prediction.missing:
        print(f"no prediction: {prediction.missing}")
    else:
        error = 100 * (prediction.total / total - 1)
        line += f", predicted {prediction.total / 1e6:.3f} MB ({error:+.2f}%)"
    print(f"\na pass      {length} tokens: {line}")
    print(
        f"            client sent {result['client_sent_bytes'] / 1e6:.3f} MB, server "
        f"{result['server_sent_bytes'] / 1e6:.3f} MB; {result['messages']} messages; "
        f"{result['seconds']:.2f} s" + (f" over {network}" if network else "")
    )
    if times := prediction.times(network):
        print(f"            predicted {times}")
    print(
        f"            beside it, shares of the prompt {result['prompt_share_bytes'] / 1e6:.3f} MB, "
        f"of the logits {result['logit_share_bytes'] / 1e6:.3f} MB"
    )
    setup = result["setup"]
    print(
        f"once        memory {setup['memory_bytes'] / 1e9:.1f} GB taken in "
        f"{setup['memory_seconds']:.2f} s, set-up {setup['bytes'] / 1e6:.3f} MB in "
        f"{setup['seconds']:.2f} s,"
    )
    print(f"            shares of the weights {setup['weight_share_bytes'] / 1e6:.3f} MB")
    if options.kernels:
        print("\n" + "\n".join(outcome_report.kernel_table(outcome, passes)) + "\n")
    if plan.sequences is not None:
        result |= _say_logits(plan, outcome, aero, print)
    if outcome.generated:
        result |= _say_generated(plan, outcome, aero, predicted, network, options.other_tokenizer)
    if options.json is not None:
        result |= {
            "checkpoint": str(plan.checkpoint.folder),
            "architecture": plan.checkpoint.architecture,
            "settings": vars(plan.settings),
            "network": network and network.as_json(),
            "cost_model": cost_model,
            "tokens": length,
        }
        write_text(options.json, json.dumps(result, indent=1) + "\n")


def _say_logits(
    plan: Plan, outcome: Outcome, aero: Path | None, say: Callable[[str], None]
) -> dict[str, Any]:
    """Prints what the client learns from its logits, and returns it as JSON."""
    try:
        check = check_logits(plan, outcome.logits, aero)
    except AeroError as error:  # the run itself succeeded, and its report goes on
        missing = f"not compared with AERO's own: {error}"
        check = replace(check_logits(plan, outcome.logits, None), missing=missing)
    if check.against_aero is None:
        say(f"logits      {check.missing}")
    else:
        say(f"logits      {check.against_aero.line('AERO')}")
    if check.loss_encrypted is not None:
        say(
            f"loss        {check.loss_encrypted:.5f} encrypted, {check.loss_plain:.5f} in the "
            f"clear, nats a token"
        )
    if check.against_folded is not None:
        say(f"            {check.against_folded.line('a plain run of the folded model')}")
    likely = most_likely(outcome.logits[-1])
    words = words_of([token for token, _ in likely], plan.checkpoint.tokenizer)
    shown = ", ".join(f"{w} {100 * p:.1f}%" for w, (_, p) in zip(words, likely, strict=True))
    say(f"next        {shown}")
    next_ = [{"token": token, "probability": p} for token, p in likely]
    return check.as_json() | {"next": next_}


def _say_generated(
    plan: Plan,
    outcome: Outcome,
    aero: Path | None,
    predicted: Callable[[int], Prediction],
    network: Network | None,
    other_tokenizer: bool,
) -> dict[str, Any]:
    """Prints the generated tokens; a server by itself knows their bytes alone."""
    checkpoint, passes = plan.checkpoint, outcome.generated
    tokens = [one.token for one in passes if one.token is not None]
    words = words_of(tokens, checkpoint.tokenizer) if tokens else [""] * len(passes)
    table = generated.token_rows(passes, words, predicted, network)
    print("\n" + "\n".join(generated.token_table(table)))
    result: dict[str, Any] = {"generated": generated.as_json(table)}
    if not tokens:
        return result
    kept = tokens[:-1] if tokens[-1] == plan.stop else tokens
    text = text_of(kept, checkpoint.tokenizer)
    print(f"\ngenerated   {' '.join(map(str, kept)) if text is None else repr(text)}")
    if plan.plain_tokens:
        plain = list(plan.plain_tokens)
        print(
            f"            {generated.agreement(tokens, plain, 'a plain run of the folded model')}"
        )
        result["generated_plain"] = plain
    if aero is not None and (checkpoint.folder / WEIGHTS).is_file() and plan.sequences:
        try:
            own = aero_tokens(
                aero,
                checkpoint.folder,
                checkpoint.tokenizer,
                plan.sequences[0],
                plan.generate,
                other_tokenizer,
            )
        except AeroError as error:  # the run itself succeeded, and its report goes on
            print(f"            not compared with AERO's own: {error}")
        else:
            print(
                f"            {generated.agreement(kept, own, '`aero generate` at temperature 0')}"
            )
            result["generated_aero"] = own
    return result | {"generated_text": text}
