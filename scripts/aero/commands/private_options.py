"""The command lines of private inference: their parser, numbers within bounds, common options."""

from __future__ import annotations

import argparse
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aero.core import options
from aero.core.errors import AeroError, UsageError
from aero.core.options import shown
from aero.core.output import Output
from aero.private.program.settings import Settings
from aero.private.run.line import Network, check_network

_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,3})?", re.IGNORECASE)


class Parser(options.Parser):
    """Shows its description as it is written."""

    def __init__(self, description: str | None, usage: str | None = None) -> None:
        super().__init__(
            usage=usage,
            description=description,
            formatter_class=options.Help,
        )

    def print_help(self, file: Any = None) -> None:
        """Ends the script where it cannot be written."""
        stream = sys.stdout if file is None else file
        if stream is None:
            return
        try:
            Output(stream).write(self.format_help())
        except AeroError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(error.status)
        except BrokenPipeError:
            sys.exit(128 + signal.SIGPIPE)


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """The type of an option that is a whole number between bounds."""

    def read(text: str) -> int:
        if _WHOLE.fullmatch(text) and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(
            f"{shown(text)}: expected a whole number from {least} to {most}"
        )

    return read


def decimal_number(least: float, most: float) -> Callable[[str], float]:
    """The type of an option that is a number between bounds, both allowed."""

    def read(text: str) -> float:
        if _DECIMAL.fullmatch(text) and least <= float(text) <= most:
            return float(text)
        raise argparse.ArgumentTypeError(
            f"{shown(text)}: expected a number from {least:g} to {most:g}"
        )

    return read


RATE, ROUND_TRIP = 100.0, 80.0
MOST_THREADS = 1024
MBIT = decimal_number(0, 1e6)
MILLISECONDS = decimal_number(0, 1e4)


def add_settings_options(parser: argparse.ArgumentParser) -> None:
    """--weights, --precision, --threads."""
    parser.add_argument(
        "--weights",
        choices=("shared", "colocated"),
        default="shared",
        help="shared: both parties hold shares of them (default); colocated: the server alone "
        "has them",
    )
    parser.add_argument(
        "--precision",
        choices=("default", "fast"),
        default="default",
        help="fast: products off by up to one bit, a coarser exp",
    )
    parser.add_argument(
        "--threads",
        type=whole_number(1, MOST_THREADS),
        default=2,
        metavar="N",
        help="of each party (default: 2)",
    )


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Returns what add_settings_options() read."""
    return Settings(arguments.precision, arguments.weights, arguments.threads)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """--aero, --cost."""
    parser.add_argument(
        "--aero", type=Path, metavar="FILE", help="the program (default: build/release/bin/aero)"
    )
    parser.add_argument(
        "--cost", metavar="MODEL", help="cost model to compare with (default: the setting's)"
    )


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """--network, --rate, --round-trip."""
    parser.add_argument(
        "--network",
        choices=("loopback", "wan"),
        default="loopback",
        help="wan: a simulated line between them, as root",
    )
    parser.add_argument(
        "--rate",
        type=MBIT,
        metavar="MBIT",
        help=f"Mbit/s of the line, each way (default: {RATE:g})",
    )
    parser.add_argument(
        "--round-trip",
        type=MILLISECONDS,
        metavar="MS",
        help=f"of the line (default: {ROUND_TRIP:g})",
    )


def network_of(arguments: argparse.Namespace) -> Network | None:
    """Returns what add_network_options() read; None is the loopback. Raises AeroError."""
    if arguments.network == "loopback":
        for option in ("rate", "round_trip"):
            if (value := getattr(arguments, option)) is not None:
                name = option.replace("_", "-")
                raise UsageError(f"--{name} {value:g} is of a simulated line: add --network wan")
        return None
    rate = RATE if arguments.rate is None else arguments.rate
    round_trip = ROUND_TRIP if arguments.round_trip is None else arguments.round_trip
    network = Network(rate, round_trip)
    check_network(network)
    return network
