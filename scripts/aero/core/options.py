"""Parses the command line; numbers must be decimal and within their range."""

from __future__ import annotations

import argparse
import difflib
import math
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import Any, NoReturn

from aero.core.errors import UsageError
from aero.core.visible import visible

_LONGEST = 40
LARGEST = 2**31 - 1


class Help(argparse.RawDescriptionHelpFormatter):
    """Prints most options and their help on one line of 80 columns."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)


class Parser(argparse.ArgumentParser):
    """Reports a fault in one line, with the option that may have been meant, and raises OSError
    where its help cannot be written.
    """

    _given: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Lets each subparser report the arguments that it does not know."""
        self._given = sys.argv[1:] if args is None else args
        parsed, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return parsed, rest

    def error(self, message: str) -> NoReturn:
        """Reports a misspelt option rather than what is missing because of it."""
        fault = self._misspelt() or message.removeprefix("argument ") + ";"
        print(f"error: {visible(fault)} see {self.prog} --help", file=sys.stderr)
        sys.exit(UsageError.status)

    def _misspelt(self) -> str:
        """Returns the fault of the first unknown option, or "". A subparser checks its own."""
        for word in [] if self._subparsers else takewhile(lambda each: each != "--", self._given):
            name = word.partition("=")[0]
            known = [option for option in self._option_string_actions if option.startswith("--")]
            if re.fullmatch(r"--[^\s]+", name) and not any(o.startswith(name) for o in known):
                return f"{name}: no such option{nearest(name, known)}"
        return ""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            choices = list(map(str, action.choices))
            fault = f"{shown(str(value))}{nearest(str(value), choices)} one of {', '.join(choices)}"
            raise argparse.ArgumentError(action, fault)

    def _print_message(self, message: str, file: Any = None) -> None:
        if message:
            (file or sys.stderr).write(message)


def nearest(word: str, choices: Iterable[str]) -> str:
    """Returns a suggestion such as ", did you mean loss?", or ";" where no choice is similar."""
    found = difflib.get_close_matches(word, list(choices), n=1)
    return f", did you mean {found[0]}?" if found else ";"


def shown(text: str) -> str:
    """Quotes a text; a long one is cut."""
    return repr(text if len(text) <= _LONGEST else text[:_LONGEST] + "...")


def whole(low: int = 0, high: int = LARGEST) -> Callable[[str], int]:
    """Makes a type for argparse that takes digits alone, from `low` to `high`."""

    def parse(text: str) -> int:
        is_number = re.fullmatch(r"0*[0-9]{1,20}", text) is not None
        if not is_number or not low <= (value := int(text.lstrip("0") or "0")) <= high:
            raise argparse.ArgumentTypeError(
                f"{shown(text)} is not a whole number from {low} to {high}"
            )
        return value

    return parse


def real(low: float, high: float) -> Callable[[str], float]:
    """Makes a type for argparse that takes a finite decimal number from `low` to `high`."""

    def parse(text: str) -> float:
        pattern = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
        value = float(text) if re.fullmatch(pattern, text) else math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"{shown(text)} is not a number from {low:g} to {high:g}"
            )
        return value

    return parse
