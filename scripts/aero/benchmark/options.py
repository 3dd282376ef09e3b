"""Defines the options that the programs under scripts/gpu and scripts/bench have in common."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from aero.core.options import whole
from aero.core.places import AERO

_DEVICE = re.compile(r"cpu|cuda(:[0-9]{1,3})?")


def _device(text: str) -> str:
    if _DEVICE.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not cpu, cuda or cuda:N")
    return text


def add_machine(parser: argparse.ArgumentParser) -> None:
    """Adds the options that name AERO's program, the folder of results and the device."""
    parser.add_argument("--aero", type=Path, required=True, help="AERO's binary")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="for the results")
    parser.add_argument(
        "--device", type=_device, default="cuda", help="cuda, cuda:N or cpu (default: %(default)s)"
    )


def add_cpu(parser: argparse.ArgumentParser) -> None:
    """Adds the options of programs that measure on the CPU: AERO's program, the folder, threads."""
    parser.add_argument(
        "--aero", type=Path, default=AERO, help="AERO's binary (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="for the results")
    parser.add_argument(
        "--threads",
        type=whole(1, 1024),
        default=os.cpu_count() or 1,
        metavar="N",
        help="CPU threads of each side (default: %(default)s, as many as there are cores)",
    )


def add_limits(parser: argparse.ArgumentParser, seconds: int) -> None:
    """Adds --tiny and --seconds."""
    parser.add_argument("--tiny", action="store_true", help="a dry run at a size of no interest")
    parser.add_argument(
        "--seconds",
        type=whole(1, 10**6),
        default=seconds,
        metavar="N",
        help="end within N seconds (default: %(default)s)",
    )


def add_scenes(parser: argparse.ArgumentParser, scenes: tuple[str, ...]) -> None:
    """Adds the option that chooses among scenes."""
    parser.add_argument(
        "--scenes",
        nargs="+",
        choices=scenes,
        default=scenes,
        help="what to measure (default: all of it)",
    )


def add_common(parser: argparse.ArgumentParser) -> None:
    """Adds the options of add_machine() and add_limits()."""
    add_machine(parser)
    add_limits(parser, 540)


def check_common(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace
) -> argparse.Namespace:
    """Ends the program where --aero does not name a program."""
    arguments.aero = arguments.aero.resolve()
    arguments.out = arguments.out.resolve()
    if not arguments.aero.is_file() or not os.access(arguments.aero, os.X_OK):
        parser.error(f"--aero {arguments.aero}: no such program; scripts/build.sh makes it")
    return arguments
