#!/usr/bin/env python3
"""Runs a checkpoint of AERO under encryption: the client has the prompt, the server the weights.

Two processes compute on secret shares with SecretFlow SPU's protocol CHEETAH (two parties,
semi-honest), one operation of the model after the other. Prints how far the logits are from AERO's
own, the likely next tokens, and bytes, messages and seconds by operation, beside the bytes that the
cost model predicts.

Both parties run on this machine, unless --party says which of them this is. On two machines:

  server:  private_inference.py RUN --party 1 --peers CLIENT:9100,SERVER:9101
  client:  private_inference.py RUN --party 0 --peers CLIENT:9100,SERVER:9101 --prompt TEXT

where the client's RUN needs config.json and tokenizer.json alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aero_private.errors import USAGE, PrivateError

if TYPE_CHECKING:
    import numpy as np

    from aero_private.checkpoint import Checkpoint
    from aero_private.party import Job, Outcome
    from aero_private.program import Program
    from aero_private.settings import Settings

CLIENT, SERVER = 0, 1


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path, help="run folder or checkpoint folder")
    prompt = parser.add_mutually_exclusive_group()
    prompt.add_argument("--prompt", metavar="TEXT", help="text to continue")
    prompt.add_argument(
        "--tokens",
        metavar="IDS",
        help="token ids, '1 2 3', or a file with one sequence a line, all of one length",
    )
    parser.add_argument("--tokenizer", type=Path, help="tokenizer.json; without it, the run's own")
    parser.add_argument(
        "--weights",
        choices=("shared", "colocated"),
        default="shared",
        help="shared: both parties hold shares of them; colocated: the server alone has them",
    )
    parser.add_argument(
        "--precision",
        choices=("default", "fast"),
        default="default",
        help="SPU's own settings, or products off by up to one bit and a coarser exp",
    )
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="of each party")
    parser.add_argument(
        "--party", type=int, choices=(CLIENT, SERVER), help="0: this is the client, 1: the server"
    )
    parser.add_argument(
        "--peers", metavar="HOST:PORT,HOST:PORT", help="addresses of client and server"
    )
    parser.add_argument(
        "--patience", type=float, default=60, metavar="S", help="wait so long for the other party"
    )
    parser.add_argument("--aero", type=Path, help="the program; without it, build/release/bin/aero")
    parser.add_argument(
        "--cost", metavar="MODEL", help="cost model to compare with; without it, this setting's own"
    )
    parser.add_argument("--by-layer", action="store_true", help="one line for each layer")
    parser.add_argument("--kernels", action="store_true", help="also SPU's own profile")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there, too")
    return parser.parse_args()


@dataclass(frozen=True)
class Plan:
    """What is to be run, before anything is encrypted."""

    checkpoint: Checkpoint
    settings: Settings
    sequences: list[list[int]] | None  # of the client
    weights: Mapping[str, np.ndarray] | None  # of the server, folded
    program: Program
    aero: Path | None
    plain: list[np.ndarray] | None  # logits, where both are here


def _addresses(text: str | None) -> tuple[str, str]:
    parts = (text or "").split(",")
    if len(parts) != 2 or not all(
        part.rpartition(":")[0] and part.rpartition(":")[2].isdigit() for part in parts
    ):
        raise PrivateError(
            f"--peers {text}: expected the addresses of client and server, HOST:PORT,HOST:PORT"
        )
    return parts[0].strip(), parts[1].strip()


def _sequences(arguments: argparse.Namespace, checkpoint: Checkpoint) -> list[list[int]]:
    from aero_private.prompt import check_tokens, tokens_from, tokens_of_prompt

    if arguments.tokens is not None:
        sequences = tokens_from(arguments.tokens)
    elif arguments.prompt is not None:
        sequences = tokens_of_prompt(arguments.prompt, arguments.tokenizer or checkpoint.tokenizer)
    else:
        raise PrivateError("the client needs --prompt TEXT or --tokens IDS")
    check_tokens(sequences, checkpoint.config.vocab_size, checkpoint.config.context)
    return sequences


def _say_ranges(product: float, number: float) -> None:
    from aero_private.settings import LARGEST_NUMBER, LARGEST_PRODUCT

    print(
        f"ranges      products up to {product:.3g} of {LARGEST_PRODUCT:.3g}, numbers up to "
        f"{number:.3g} of {LARGEST_NUMBER:.3g}"
    )


def make_plan(arguments: argparse.Namespace) -> Plan:
    """Reads, folds, and checks whatever can be checked in the clear. Raises PrivateError."""
    import numpy as np

    from aero_private.aero_program import find_aero
    from aero_private.checkpoint import find_checkpoint, load_weights
    from aero_private.folding import Folder
    from aero_private.memory import check_memory
    from aero_private.plain import run_plain
    from aero_private.program import build_program, one_hot
    from aero_private.ranges import check_ranges, headroom
    from aero_private.settings import Settings

    checkpoint = find_checkpoint(arguments.checkpoint)
    config = checkpoint.config
    settings = Settings(arguments.precision, arguments.weights, arguments.threads)
    is_client, is_server = arguments.party != SERVER, arguments.party != CLIENT
    sequences = _sequences(arguments, checkpoint) if is_client else None
    length = len(sequences[0]) if sequences else config.context
    program = build_program(config, length, settings)
    print(f"checkpoint  {checkpoint.folder} {checkpoint.architecture}")
    weights = None
    if is_server:
        folder = Folder(config, load_weights(checkpoint))
        weights = folder.fold()
        for number, note in enumerate(folder.notes):
            print(f"{'folded' if number == 0 else '':10}  {note}")
    need = check_memory(program, program.shapes(), settings, 2 if arguments.party is None else 1)
    print(f"memory      about {need / 1e9:.1f} GB")
    plain = None
    if weights is not None:
        # A server by itself does not see the prompt: it tries tokens drawn at random.
        drawn = np.random.default_rng(0).integers(0, config.vocab_size, (2, length)).tolist()
        plain = []
        for tokens in sequences or drawn:
            prompt = {"prompt": one_hot(tokens, config.vocab_size)}
            logits, ranges = run_plain(program, {**weights, **prompt}, watch=True)
            check_ranges(program, ranges, settings)
            plain.append(logits)
        _say_ranges(*headroom(ranges))
    aero = find_aero(arguments.aero)
    return Plan(
        checkpoint, settings, sequences, weights, program, aero, plain if sequences else None
    )


def run(arguments: argparse.Namespace, plan: Plan) -> Outcome:
    """Under encryption: both parties, or this machine's."""
    from tqdm import tqdm

    from aero_private.party import Job, run_party
    from aero_private.spawn import free_addresses, run_both

    alone = arguments.party is None
    if alone and arguments.peers is not None:
        raise PrivateError("--peers needs --party 0 (the client) or --party 1 (the server)")
    addresses = free_addresses() if alone else _addresses(arguments.peers)
    passes = len(plan.sequences) if plan.sequences else 1
    with tempfile.TemporaryDirectory(prefix="aero-private-") as folder:

        def job(rank: int) -> Job:
            return Job(
                rank,
                addresses,
                plan.settings,
                plan.checkpoint.config,
                Path(folder) / f"{rank}.log",
                plan.sequences if rank == CLIENT else None,
                plan.weights if rank == SERVER else None,
                arguments.patience,
            )

        with tqdm(total=passes * len(plan.program.stages), unit="stage", disable=None) as bar:
            preparations = {"compilation", "set-up", "shares of the weights"}

            def progress(name: str) -> None:
                bar.set_description(name)
                bar.update(0 if name in preparations else 1)

            if alone:
                return run_both(run_party, [job(CLIENT), job(SERVER)], progress)[CLIENT]
            return run_party(job(arguments.party), progress)


def _say_logits(plan: Plan, outcome: Outcome, say: Callable[[str], None]) -> dict[str, Any]:
    """The client's view. AERO's own logits need the weights here."""
    from aero_private.aero_program import aero_logits
    from aero_private.checkpoint import WEIGHTS
    from aero_private.outcome_report import Comparison, mean_loss, most_likely
    from aero_private.prompt import words_of

    assert plan.sequences is not None
    result: dict[str, Any] = {}
    if plan.aero is None:
        say("logits      no program aero was found to compare with: build it, or name it by --aero")
    elif not (plan.checkpoint.folder / WEIGHTS).is_file():
        say("logits      not compared with AERO's own: the weights are not here")
    else:
        own = aero_logits(plan.aero, plan.checkpoint.folder, plan.sequences)
        comparison = Comparison.of(outcome.logits, own)
        say(f"logits      {comparison.line('AERO')}")
        result["against_aero"] = vars(comparison)
        if len(plan.sequences[0]) > 1:
            losses = mean_loss(outcome.logits, plan.sequences), mean_loss(own, plan.sequences)
            say(
                f"loss        {losses[0]:.5f} encrypted, {losses[1]:.5f} in the clear, nats a token"
            )
            result |= {"loss_encrypted": losses[0], "loss_plain": losses[1]}
    if plan.plain is not None:
        comparison = Comparison.of(outcome.logits, plan.plain)
        say(f"            {comparison.line('a plain run of the folded model')}")
        result["against_folded"] = vars(comparison)
    likely = most_likely(outcome.logits[-1])
    words = words_of([token for token, _ in likely], plan.checkpoint.tokenizer)
    shown = ", ".join(f"{w} {100 * p:.1f}%" for w, (_, p) in zip(words, likely, strict=True))
    say(f"next        {shown}")
    result["next"] = [{"token": token, "probability": p} for token, p in likely]
    return result


def report(arguments: argparse.Namespace, plan: Plan, outcome: Outcome) -> None:
    """Prints the run, and writes it where asked."""
    from aero_private.aero_program import predict
    from aero_private.files import write_whole
    from aero_private.outcome_report import as_json, kernel_table, operation_table, rows
    from aero_private.program import build_program

    passes = len(plan.sequences) if plan.sequences else max(1, outcome.stages[0].runs)
    length = outcome.length
    program = build_program(plan.checkpoint.config, length, plan.settings)
    cost_model = arguments.cost or plan.settings.cost_model
    prediction = predict(plan.aero, plan.checkpoint.folder, length, cost_model)
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
        f"{result['seconds']:.2f} s"
    )
    print(
        f"            beside it, shares of the prompt {result['prompt_share_bytes'] / 1e6:.3f} MB, "
        f"of the logits {result['logit_share_bytes'] / 1e6:.3f} MB"
    )
    setup = result["setup"]
    print(
        f"once        set-up {setup['bytes'] / 1e6:.3f} MB in {setup['seconds']:.2f} s, shares of "
        f"the weights {setup['weight_share_bytes'] / 1e6:.3f} MB"
    )
    if arguments.kernels:
        print("\n" + "\n".join(kernel_table(outcome, passes)) + "\n")
    if plan.sequences is not None:
        result |= _say_logits(plan, outcome, print)
    if arguments.json is not None:
        result |= {
            "checkpoint": str(plan.checkpoint.folder),
            "architecture": plan.checkpoint.architecture,
            "settings": vars(plan.settings),
            "cost_model": cost_model,
            "tokens": length,
        }
        write_whole(arguments.json, json.dumps(result, indent=1) + "\n")


def main() -> int:
    """Exit code 2 for what the user can put right."""
    arguments = parse_arguments()
    try:
        from aero_private.requirements import check_spu

        check_spu()
        plan = make_plan(arguments)
        report(arguments, plan, run(arguments, plan))
    except PrivateError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
