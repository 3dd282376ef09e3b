#!/usr/bin/env python3
"""Measures what SPU's operations cost between two parties and writes a cost model of AERO.

Both parties run on this machine, over the loopback. The file gives bytes as formulas over shapes
with the ceilings of SPU's batches, seconds as lines over sizes, of products over their ciphertexts
and merges: keep the machine quiet. With
--network wan (as root) also the round trips of each primitive, from how much longer it takes in two
network namespaces behind a line of the given rate and delay. `aero report CONFIG --cost FILE` uses
the file.

Example:
  build/venv-spu/bin/python scripts/measure_costs.py --weights colocated --out mine.json
"""

from __future__ import annotations

from aero.core import signals as aero_signals  # before all else

# isort: split
import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from aero.commands.private_command import run_command
from aero.commands.private_command_line import Parser
from aero.commands.private_options import (
    add_network_options,
    add_settings_options,
    network_of,
    settings_of,
)
from aero.private.program.settings import CLIENT
from aero.private.run.line import Line, Network, line

if TYPE_CHECKING:
    from aero.private.measure.probes import Measurements, Probe
    from aero.private.program.settings import Settings


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = Parser(__doc__)
    parser.add_argument("--out", type=Path, required=True, help="cost model file to write")
    add_settings_options(parser)
    parser.add_argument(
        "--thorough", action="store_true", help="repeat more, for some minutes longer"
    )
    add_network_options(parser)
    return parser.parse_args()


def measured(
    settings: Settings, chosen: list[Probe], title: str, joined: Line | None = None
) -> Measurements:
    """The client's view, over the loopback or over a line."""
    from tqdm import tqdm

    from aero.private.measure.memory import of_probes
    from aero.private.measure.probes import Order, measure_party
    from aero.private.run.spawn import run_both

    with aero_signals.Tidying(), tempfile.TemporaryDirectory(prefix="aero-costs-") as folder:

        def order(rank: int, addresses: tuple[str, str]) -> Order:
            log = Path(folder) / f"{rank}.log"
            return Order(rank, addresses, settings, log, tuple(chosen), of_probes(chosen))

        with tqdm(total=len(chosen) + 1, unit="probe", disable=None) as bar:

            def progress(name: str) -> None:
                bar.set_description(f"{title}: {name}")
                bar.update()

            return run_both(measure_party, order, progress, joined)[CLIENT]


def measure_rounds(settings: Settings, network: Network) -> dict[str, float]:
    """Of each primitive."""
    from aero.private.measure.constants import rounds_of
    from aero.private.measure.probes import short_probes

    chosen = short_probes()
    near = measured(settings, chosen, "rounds, loopback")
    with line(network) as joined:
        far = measured(settings, chosen, "rounds, line", joined)
    return rounds_of(near, far, joined.rate, joined.round_trip)


def fitting_probes(colocated: bool) -> list[Probe]:
    """Of the matrix products, those that this machine's memory allows; names the others."""
    from aero.private.measure.memory import of_probes
    from aero.private.measure.probes import matrix_probes
    from aero.private.program.memory import PROCESS, available

    have, fitting = available(), []
    for probe in matrix_probes(colocated):
        need = 2 * (PROCESS + of_probes([probe]))
        if have is None or need < have:
            fitting.append(probe)
        else:
            print(
                f"left out {probe.name}, which takes up to {need / 1e9:.0f} GB of memory, and "
                f"{have / 1e9:.0f} are free: seconds of wide products are less certain",
                file=sys.stderr,
            )
    return fitting


def measure(arguments: argparse.Namespace) -> None:
    """Runs both parties and writes the file."""
    from aero.core.files import check_output, write_text
    from aero.private.measure.constants import constants_of
    from aero.private.measure.cost_file import cost_model, render
    from aero.private.measure.probes import probes, short_probes
    from aero.private.measure.seconds import seconds_of
    from aero.private.run.machine import describe

    check_output(arguments.out, "--out")
    network = network_of(arguments)
    settings = settings_of(arguments)
    machine = f"{describe()} for both parties, {settings.threads} threads each"
    rounds = None
    if network is not None:
        rounds = measure_rounds(settings, network)
        machine += f"; rounds from {network}"
    chosen = probes(arguments.thorough)
    counted = measured(settings, chosen, "bytes")
    constants = constants_of(counted, chosen, settings.exp_iterations)
    timed = measured(settings, short_probes() + fitting_probes(settings.colocated), "seconds")
    seconds = seconds_of(timed, counted, chosen, settings.colocated)
    model = cost_model(arguments.out.stem, constants, settings, machine, seconds, rounds)
    write_text(arguments.out, render(model))
    print(f"wrote {arguments.out}")


def main() -> int:
    """Exit code 2 for what the user can put right."""
    arguments = parse_arguments()
    return run_command(lambda: measure(arguments))


if __name__ == "__main__":
    sys.exit(main())
