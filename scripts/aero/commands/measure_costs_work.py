"""Does the work of scripts/measure_costs.py."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

from aero.commands.private_options import network_of, settings_of
from aero.core.files import check_output, write_text
from aero.core.machine import describe
from aero.core.signals import Tidying
from aero.private.measure.constants import constants_of, rounds_of
from aero.private.measure.cost_file import cost_model, render
from aero.private.measure.memory import of_probes
from aero.private.measure.probes import (
    Measurements,
    Order,
    Probe,
    matrix_probes,
    measure_party,
    probes,
    short_probes,
)
from aero.private.measure.seconds import seconds_of
from aero.private.program.memory import PROCESS, available
from aero.private.program.settings import CLIENT, Settings
from aero.private.run.line import Line, Network, line
from aero.private.run.spawn import run_both


def measured(
    settings: Settings, chosen: list[Probe], title: str, joined: Line | None = None
) -> Measurements:
    """Returns what the client measures, over the loopback or over a simulated line."""
    with Tidying(), tempfile.TemporaryDirectory(prefix="aero-costs-") as folder:

        def order(rank: int, addresses: tuple[str, str]) -> Order:
            log = Path(folder) / f"{rank}.log"
            return Order(rank, addresses, settings, log, tuple(chosen), of_probes(chosen))

        with tqdm(total=len(chosen) + 1, unit="probe", disable=None) as bar:

            def progress(name: str) -> None:
                bar.set_description(f"{title}: {name}")
                bar.update()

            found: list[Measurements] = run_both(measure_party, order, progress, joined)
    return found[CLIENT]


def measure_rounds(settings: Settings, network: Network) -> dict[str, float]:
    """Measures the rounds of each primitive."""
    chosen = short_probes()
    near = measured(settings, chosen, "rounds, loopback")
    with line(network) as joined:
        far = measured(settings, chosen, "rounds, line", joined)
    return rounds_of(near, far, joined.rate, joined.round_trip)


def fitting_probes(colocated: bool) -> list[Probe]:
    """Returns the matrix products that this machine's memory allows, and reports the others."""
    have, fitting = available(), []
    for probe in matrix_probes(colocated):
        need = 2 * (PROCESS + of_probes([probe]))
        if have is None or need < have:
            fitting.append(probe)
        else:
            print(
                f"left out {probe.name}, which takes up to {need / 1e9:.0f} GB of memory, of which "
                f"{have / 1e9:.0f} are free: seconds of wide products are less certain",
                file=sys.stderr,
            )
    return fitting


def command_of(settings: Settings, network: Network | None, thorough: bool) -> str:
    """Returns a command line that measures the same, whatever file it writes."""
    words = ["scripts/measure_costs.py", "--precision", settings.precision]
    words += ["--weights", settings.weights, "--threads", f"{settings.threads}"]
    if network is not None:
        words += ["--network", "wan", "--rate", f"{network.rate:g}"]
        words += ["--round-trip", f"{network.round_trip:g}"]
    return " ".join([*words, *(["--thorough"] if thorough else [])])


def work(arguments: argparse.Namespace) -> None:
    """Runs both parties and writes the file."""
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
    made_by = command_of(settings, network, arguments.thorough)
    name = arguments.out.stem
    model = cost_model(name, constants, settings, machine, seconds, made_by, rounds)
    write_text(arguments.out, render(model))
    print(f"wrote {arguments.out}")
