"""Does the work of scripts/private_inference.py."""

from __future__ import annotations

import argparse
import contextlib
import re
from dataclasses import replace

from aero.checkpoint.checkpoints import Checkpoint, find_checkpoint
from aero.checkpoint.tokenizer_identity import (
    identity_of_file,
    require_same_tokenizer,
    tokenizer_in_use,
    tokenizer_of_model,
)
from aero.commands.private_options import is_prediction_asked, network_of, settings_of
from aero.core.errors import UsageError
from aero.core.files import check_output
from aero.private.program.plan import Plan, make_plan
from aero.private.program.settings import CLIENT, SERVER
from aero.private.report.aero_program import (
    find_aero,
    predict,
    require_prediction,
)
from aero.private.report.inference_report import ReportOptions, report
from aero.private.run.allocator import keep_memory
from aero.private.run.encrypted import run_here, run_with_peer
from aero.private.run.line import Network, line
from aero.private.run.party import Outcome
from aero.private.run.prompt import (
    check_tokens,
    end_of_text,
    tokens_from,
    tokens_of_prompt,
)


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
    """Raises AeroError where the tokenizer in use is another than the model's."""
    if checkpoint.tokenizer is not None:
        require_same_tokenizer(
            tokenizer_of_model(checkpoint),
            identity_of_file(checkpoint.tokenizer),
            "take the model's own, or give --other-tokenizer to use another on purpose",
        )


def _sequences(arguments: argparse.Namespace, checkpoint: Checkpoint) -> list[list[int]]:
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
    """Runs the model under encryption: both parties, or the one of this machine."""
    if plan.party is not None:
        # The prompt and the text made from it are the client's, so the client may use another
        # tokenizer.
        is_meant = plan.party == CLIENT and arguments.other_tokenizer
        tokenizer = "" if is_meant else tokenizer_in_use(plan.checkpoint)
        return run_with_peer(plan, _addresses(arguments.peers), arguments.patience, tokenizer)
    with contextlib.nullcontext() if network is None else line(network) as joined:
        return run_here(plan, joined, arguments.patience)


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
    """Runs the model and prints the report. Raises AeroError."""
    party = arguments.party
    if party is None and arguments.peers is not None:
        raise UsageError("--peers needs --party 0 (the client) or --party 1 (the server)")
    if party is not None and arguments.network == "wan":
        raise UsageError(
            "--network wan simulates a line between two parties of this machine; with --party "
            "they meet over the real network: leave one of the two out"
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
    options = ReportOptions(
        arguments.cost,
        arguments.by_layer,
        arguments.kernels,
        arguments.json,
        arguments.other_tokenizer,
    )
    report(options, plan, run(arguments, plan, network), aero, network)
