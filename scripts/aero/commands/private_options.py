"""Defines what the command lines of private inference have in common: parser and options."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from aero.core.errors import UsageError
from aero.core.options import Help, Parser, real, whole
from aero.private.program.settings import Settings
from aero.private.run.line import Network, check_network

RATE, ROUND_TRIP = 100.0, 80.0
MOST_THREADS = 1024
MBIT = real(0, 1e6)
MILLISECONDS = real(0, 1e4)


class WanAction(argparse.Action):
    """Reads MBIT and MS of a line, each within its own bounds, as a Network."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        rate, round_trip = values
        try:
            network = Network(MBIT(rate), MILLISECONDS(round_trip))
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentError(self, str(error)) from error
        setattr(namespace, self.dest, network)


def make_parser(description: str | None, usage: str | None = None) -> Parser:
    """Makes a parser that shows the description as it is written."""
    return Parser(usage=usage, description=description, formatter_class=Help)


def add_settings_options(parser: argparse.ArgumentParser) -> None:
    """Adds --weights, --precision and --threads."""
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
        type=whole(1, MOST_THREADS),
        default=2,
        metavar="N",
        help="of each party (default: 2)",
    )


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Returns the settings of add_settings_options()."""
    return Settings(arguments.precision, arguments.weights, arguments.threads)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Adds --aero and --cost."""
    parser.add_argument(
        "--aero", type=Path, metavar="FILE", help="the program (default: build/release/bin/aero)"
    )
    parser.add_argument(
        "--cost", metavar="MODEL", help="cost model to compare with (default: the setting's)"
    )


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Adds --network, --rate and --round-trip."""
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
    """Returns the network of add_network_options(), None for the loopback. Raises AeroError."""
    if arguments.network == "loopback":
        for option in ("rate", "round_trip"):
            if (value := getattr(arguments, option)) is not None:
                name = option.replace("_", "-")
                raise UsageError(f"--{name} {value:g} needs a simulated line: add --network wan")
        return None
    rate = RATE if arguments.rate is None else arguments.rate
    round_trip = ROUND_TRIP if arguments.round_trip is None else arguments.round_trip
    network = Network(rate, round_trip)
    check_network(network)
    return network


def is_prediction_asked(arguments: argparse.Namespace) -> bool:
    """Returns whether --aero or --cost ask for a prediction, which the run then must have."""
    return arguments.aero is not None or arguments.cost is not None
