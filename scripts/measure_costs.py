#!/usr/bin/env python3
"""Measures what SPU's operations cost between two parties and writes a cost model of AERO.

Both parties run on this machine, over the loopback. The file gives bytes as formulas over shapes
with the ceilings of SPU's batches. With --network wan (as root) also the round trips of each
primitive, from how much longer it takes in two network namespaces behind a line of the given rate
and delay. `aero report CONFIG --cost FILE` uses the file.
"""

from __future__ import annotations

import argparse
import platform
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from aero_private.errors import USAGE, PrivateError

if TYPE_CHECKING:
    from aero_private.line import Line
    from aero_private.probes import Measurements, Probe
    from aero_private.settings import Settings


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="cost model file to write")
    parser.add_argument(
        "--precision",
        choices=("default", "fast"),
        default="default",
        help="SPU's own settings, or products off by up to one bit and a coarser exp",
    )
    parser.add_argument("--weights", choices=("shared", "colocated"), default="shared")
    parser.add_argument(
        "--threads", type=int, default=2, metavar="N", help="of each party (default: 2)"
    )
    parser.add_argument(
        "--thorough", action="store_true", help="repeat more: some minutes instead of one"
    )
    parser.add_argument("--network", choices=("loopback", "wan"), default="loopback")
    parser.add_argument(
        "--rate", type=float, default=100, metavar="MBIT", help="of the line of --network wan"
    )
    parser.add_argument(
        "--round-trip", type=float, default=80, metavar="MS", help="of the line of --network wan"
    )
    return parser.parse_args()


def measured(
    settings: Settings, chosen: list[Probe], title: str, joined: Line | None = None
) -> Measurements:
    """The client's view, over the loopback or over a line."""
    from tqdm import tqdm

    from aero_private.probes import Order, measure_party
    from aero_private.spawn import free_addresses, run_both

    addresses = free_addresses() if joined is None else joined.addresses
    with tempfile.TemporaryDirectory(prefix="aero-costs-") as folder:
        orders = [
            Order(rank, addresses, settings, Path(folder) / f"{rank}.log", tuple(chosen))
            for rank in (0, 1)
        ]
        with tqdm(total=len(chosen) + 1, unit="probe", disable=None) as bar:

            def progress(name: str) -> None:
                bar.set_description(f"{title}: {name}")
                bar.update()

            enter = None if joined is None else joined.enter
            return run_both(measure_party, orders, progress, enter)[0]


def measure_rounds(
    settings: Settings, rate: float, round_trip: float
) -> tuple[dict[str, float], str]:
    """Of each primitive, and where they were measured."""
    from aero_private.constants import rounds_of
    from aero_private.line import line
    from aero_private.probes import short_probes

    chosen = short_probes()
    near = measured(settings, chosen, "rounds, loopback")
    with line(rate, round_trip) as joined:
        far = measured(settings, chosen, "rounds, line", joined)
    rounds = rounds_of(near, far, joined.rate, joined.round_trip)
    return rounds, f"rounds from a line of {rate:g} Mbit/s and {round_trip:g} ms a round trip"


def measure(arguments: argparse.Namespace) -> None:
    """Runs both parties and writes the file."""
    from aero_private.constants import constants_of
    from aero_private.cost_file import cost_model, render
    from aero_private.files import write_whole
    from aero_private.probes import probes
    from aero_private.settings import Settings

    settings = Settings(arguments.precision, arguments.weights, arguments.threads)
    machine = f"{platform.machine()}, {settings.threads} threads a party"
    rounds = None
    if arguments.network == "wan":
        rounds, where = measure_rounds(settings, arguments.rate, arguments.round_trip)
        machine += f"; {where}"
    chosen = probes(arguments.thorough)
    counted = measured(settings, chosen, "bytes")
    constants = constants_of(counted, chosen, settings.exp_iterations)
    model = cost_model(arguments.out.stem, constants, settings, machine, rounds)
    write_whole(arguments.out, render(model))
    print(f"wrote {arguments.out}")


def main() -> int:
    """Exit code 2 for what the user can put right."""
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # namespaces and children are removed
    try:
        from aero_private.requirements import check_spu

        check_spu()
        measure(arguments)
    except PrivateError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
