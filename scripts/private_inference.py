#!/usr/bin/env python3
"""Runs a checkpoint of AERO under encryption: the client has the prompt, the server the weights.

Two processes compute on secret shares with SecretFlow SPU's protocol CHEETAH (two parties,
semi-honest). Prints how far the logits are from AERO's own, the likely next tokens, and bytes,
messages and seconds by operation beside those that the cost model predicts. See
docs/private-inference.md, also for parties on two machines:

  server:  private_inference.py RUN --party 1 --peers CLIENT:9100,SERVER:9101
  client:  private_inference.py RUN --party 0 --peers CLIENT:9100,SERVER:9101 --prompt TEXT

Example:
  build/venv-spu/bin/python scripts/private_inference.py runs/quickstart --prompt 'import os'
"""

from __future__ import annotations

from aero.core import signals as aero_signals  # noqa: F401  (before all else)

# isort: split
import argparse
import contextlib
import functools
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aero.commands.private_command import run_command
from aero.commands.private_command_line import Parser, decimal_number, whole_number
from aero.commands.private_options import (
    add_model_options,
    add_network_options,
    add_settings_options,
    network_of,
    settings_of,
)
from aero.core.errors import AeroError, UsageError
from aero.private.program.settings import CLIENT, SERVER
from aero.private.run.line import Network, line

if TYPE_CHECKING:
    from aero.checkpoint.checkpoints import Checkpoint
    from aero.private.program.plan import Plan
    from aero.private.report.aero_program import Prediction
    from aero.private.run.party import Outcome


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = Parser(__doc__, "%(prog)s CHECKPOINT [OPTION...]")
    parser.add_argument(
        "checkpoint", type=Path, metavar="CHECKPOINT", help="run folder or checkpoint folder"
    )
    prompt = parser.add_mutually_exclusive_group()
    prompt.add_argument("--prompt", metavar="TEXT", help="text to continue")
    prompt.add_argument(
        "--tokens",
        metavar="IDS",
        help="ids, '1 2 3', or a file with one sequence a line, all of one length",
    )
    parser.add_argument(
        "--tokenizer", type=Path, metavar="FILE", help="tokenizer.json (default: the run's own)"
    )
    parser.add_argument(
        "--other-tokenizer",
        action="store_true",
        help="the client's: take one that is not the model's",
    )
    parser.add_argument(
        "--max-tokens",
        type=whole_number(1, 100_000),
        default=0,
        metavar="N",
        help="generate so many, or up to an end of text",
    )
    add_settings_options(parser)
    parser.add_argument(
        "--party",
        type=whole_number(CLIENT, SERVER),
        metavar="{0,1}",
        help="0: this is the client, 1: the server",
    )
    parser.add_argument(
        "--peers", metavar="ADDRESSES", help="HOST:PORT,HOST:PORT of client and server"
    )
    parser.add_argument(
        "--patience",
        type=decimal_number(0, 86400),
        default=60,
        metavar="S",
        help="wait so long for the other party (default: 60)",
    )
    add_network_options(parser)
    add_model_options(parser)
    parser.add_argument("--by-layer", action="store_true", help="one line for each layer")
    parser.add_argument("--kernels", action="store_true", help="also SPU's own profile")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there, too")
    return parser.parse_args()


def _addresses(text: str | None) -> tuple[str, str]:
    parts = [part.strip() for part in (text or "").split(",")]
    if len(parts) != 2 or not all(map(_is_address, parts)):
        raise UsageError(
            f"--peers {text}: expected the addresses of client and server, HOST:PORT,HOST:PORT, "
            f"with ports from 1 to 65535"
        )
    return parts[0], parts[1]


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and re.fullmatch(r"[0-9]{1,5}", port) is not None and 0 < int(port) < 65536


def _check_tokenizer(checkpoint: Checkpoint) -> None:
    """That the one in use is the model's; `checkpoint.tokenizer` may be another file than its."""
    from aero.checkpoint.tokenizer_identity import (
        identity_of_file,
        require_same_tokenizer,
        tokenizer_of_model,
    )

    if checkpoint.tokenizer is not None:
        require_same_tokenizer(
            tokenizer_of_model(checkpoint),
            identity_of_file(checkpoint.tokenizer),
            "take the model's own, or give --other-tokenizer where the difference is meant",
        )


def _sequences(arguments: argparse.Namespace, checkpoint: Checkpoint) -> list[list[int]]:
    from aero.private.run.prompt import check_tokens, tokens_from, tokens_of_prompt

    if arguments.tokens is not None:
        sequences = tokens_from(arguments.tokens)
    elif arguments.prompt is not None:
        sequences = tokens_of_prompt(arguments.prompt, checkpoint.tokenizer)
    else:
        raise UsageError("the client needs --prompt TEXT or --tokens IDS")
    check_tokens(sequences, checkpoint.config.vocab_size, checkpoint.config.context)
    if arguments.max_tokens > 0:
        _check_room(arguments.max_tokens, sequences, checkpoint.config.context)
    return sequences


def _check_room(generate: int, sequences: list[list[int]], context: int) -> None:
    if len(sequences) > 1:
        raise UsageError(
            f"--max-tokens {generate}: continues one prompt, and --tokens has {len(sequences)}"
        )
    room = context - len(sequences[0]) + 1
    if generate > room:
        raise UsageError(
            f"--max-tokens {generate}: after {len(sequences[0])} tokens the model's context of "
            f"{context} leaves room for {room}"
        )


def run(arguments: argparse.Namespace, plan: Plan, network: Network | None) -> Outcome:
    """Under encryption: both parties, or this machine's."""
    from aero.checkpoint.tokenizer_identity import tokenizer_in_use
    from aero.private.run.encrypted import run_here, run_with_peer

    if plan.party is not None:
        # The prompt and what becomes of it are the client's: so is another tokenizer.
        is_meant = plan.party == CLIENT and arguments.other_tokenizer
        tokenizer = "" if is_meant else tokenizer_in_use(plan.checkpoint)
        return run_with_peer(plan, _addresses(arguments.peers), arguments.patience, tokenizer)
    with contextlib.nullcontext() if network is None else line(network) as joined:
        return run_here(plan, joined, arguments.patience)


def _say_logits(
    plan: Plan, outcome: Outcome, aero: Path | None, say: Callable[[str], None]
) -> dict[str, Any]:
    """The client's view."""
    from aero.private.report.logits import check_logits, most_likely
    from aero.private.run.prompt import words_of

    try:
        check = check_logits(plan, outcome.logits, aero)
    except AeroError as error:  # the run itself is done, and is told and kept
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
    """The tokens, of which a server by itself knows the bytes alone."""
    from aero.checkpoint.checkpoints import WEIGHTS
    from aero.private.report.aero_program import aero_tokens
    from aero.private.report.generated import agreement, as_json, token_rows, token_table
    from aero.private.run.prompt import text_of, words_of

    checkpoint, passes = plan.checkpoint, outcome.generated
    tokens = [one.token for one in passes if one.token is not None]
    words = words_of(tokens, checkpoint.tokenizer) if tokens else [""] * len(passes)
    table = token_rows(passes, words, predicted, network)
    print("\n" + "\n".join(token_table(table)))
    result: dict[str, Any] = {"generated": as_json(table)}
    if not tokens:
        return result
    kept = tokens[:-1] if tokens[-1] == plan.stop else tokens
    text = text_of(kept, checkpoint.tokenizer)
    print(f"\ngenerated   {' '.join(map(str, kept)) if text is None else repr(text)}")
    if plan.plain_tokens:
        plain = list(plan.plain_tokens)
        print(f"            {agreement(tokens, plain, 'a plain run of the folded model')}")
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
        except AeroError as error:  # the run itself is done, and is told and kept
            print(f"            not compared with AERO's own: {error}")
        else:
            print(f"            {agreement(kept, own, '`aero generate` at temperature 0')}")
            result["generated_aero"] = own
    return result | {"generated_text": text}


def report(
    arguments: argparse.Namespace,
    plan: Plan,
    outcome: Outcome,
    aero: Path | None,
    network: Network | None,
) -> None:
    """Prints the run, and writes it where asked."""
    from aero.core.files import write_text
    from aero.private.program.forward_pass import build_program
    from aero.private.report.aero_program import predict
    from aero.private.report.outcome_report import as_json, kernel_table, operation_table, rows

    passes = len(plan.sequences) if plan.sequences else max(1, outcome.stages[0].runs)
    length = outcome.length
    program = build_program(plan.checkpoint.config, length, plan.settings)
    cost_model = arguments.cost or plan.settings.cost_model

    @functools.cache
    def predicted(positions: int) -> Prediction:
        return predict(aero, plan.checkpoint.folder, positions, cost_model)

    prediction = predicted(length)
    print()
    result = as_json(program, outcome, prediction, passes)
    table = rows(program, outcome, prediction, passes, arguments.by_layer)
    print("\n".join(operation_table(table)))
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
    if told := prediction.times(network):
        print(f"            predicted {told}")
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
    if arguments.kernels:
        print("\n" + "\n".join(kernel_table(outcome, passes)) + "\n")
    if plan.sequences is not None:
        result |= _say_logits(plan, outcome, aero, print)
    if outcome.generated:
        result |= _say_generated(plan, outcome, aero, predicted, network, arguments.other_tokenizer)
    if arguments.json is not None:
        result |= {
            "checkpoint": str(plan.checkpoint.folder),
            "architecture": plan.checkpoint.architecture,
            "settings": vars(plan.settings),
            "network": network and network.as_json(),
            "cost_model": cost_model,
            "tokens": length,
        }
        write_text(arguments.json, json.dumps(result, indent=1) + "\n")


def _refuse_options_of_client(arguments: argparse.Namespace) -> None:
    given = {
        "--prompt": arguments.prompt is not None,
        "--tokens": arguments.tokens is not None,
        "--max-tokens": arguments.max_tokens > 0,
        "--other-tokenizer": arguments.other_tokenizer,
    }
    for option, is_given in given.items():
        if is_given:
            raise UsageError(f"{option} is the client's: leave it out with --party 1")


def work(arguments: argparse.Namespace) -> None:
    """All of it. Raises AeroError."""
    from aero.checkpoint.checkpoints import find_checkpoint
    from aero.core.files import check_output
    from aero.private.program.plan import make_plan
    from aero.private.report.aero_program import (
        find_aero,
        is_prediction_asked,
        predict,
        require_prediction,
    )
    from aero.private.run.allocator import keep_memory
    from aero.private.run.prompt import end_of_text

    party = arguments.party
    if party is None and arguments.peers is not None:
        raise UsageError("--peers needs --party 0 (the client) or --party 1 (the server)")
    if party is not None and arguments.network == "wan":
        raise UsageError(
            "--network wan simulates a line between two parties of this machine; with --party "
            "they meet over the network that is there: leave one of the two out"
        )
    if party is not None:
        keep_memory()
    network = network_of(arguments)
    if party is not None:
        _addresses(arguments.peers)
    if party == SERVER:
        _refuse_options_of_client(arguments)
    if arguments.json is not None:
        check_output(arguments.json, "--json")
    checkpoint = find_checkpoint(arguments.checkpoint)
    if arguments.tokenizer is not None:
        checkpoint = replace(checkpoint, tokenizer=arguments.tokenizer)
    if party != SERVER and not arguments.other_tokenizer:
        _check_tokenizer(checkpoint)
    sequences = None if party == SERVER else _sequences(arguments, checkpoint)
    stop = end_of_text(checkpoint.tokenizer) if arguments.max_tokens > 0 else None
    settings, aero = settings_of(arguments), find_aero(arguments.aero)
    length = len(sequences[0]) if sequences else checkpoint.config.context
    cost_model = arguments.cost or settings.cost_model
    if is_prediction_asked(arguments):
        require_prediction(predict(aero, checkpoint.folder, length, cost_model))
    plan = make_plan(
        checkpoint,
        settings,
        sequences,
        party,
        generate=arguments.max_tokens,
        stop=stop,
    )
    report(arguments, plan, run(arguments, plan, network), aero, network)


def main() -> int:
    """Exit code 2 for what the user can put right."""
    arguments = parse_arguments()
    return run_command(lambda: work(arguments))


if __name__ == "__main__":
    sys.exit(main())
