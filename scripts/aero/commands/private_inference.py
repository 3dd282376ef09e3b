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

import argparse
from pathlib import Path

from aero.commands.private_command import run_command
from aero.commands.private_options import (
    add_model_options,
    add_network_options,
    add_settings_options,
    make_parser,
)
from aero.core.options import real, whole
from aero.private.program.settings import CLIENT, SERVER


def parse_arguments() -> argparse.Namespace:
    """Parses the command line."""
    parser = make_parser(__doc__, "%(prog)s CHECKPOINT [OPTION...]")
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
        type=whole(1, 100_000),
        default=0,
        metavar="N",
        help="generate so many, or up to an end of text",
    )
    add_settings_options(parser)
    parser.add_argument(
        "--party",
        type=whole(CLIENT, SERVER),
        metavar="{0,1}",
        help="0: this is the client, 1: the server",
    )
    parser.add_argument(
        "--peers", metavar="ADDRESSES", help="HOST:PORT,HOST:PORT of client and server"
    )
    parser.add_argument(
        "--patience",
        type=real(0, 86400),
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


def main() -> int:
    """Runs the script, and returns its exit code, 2 for what the user can correct."""
    return run_command("aero.commands.private_inference_work", parse_arguments)
