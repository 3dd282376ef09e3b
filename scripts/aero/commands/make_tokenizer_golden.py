"""Makes the reference values of the tokenizer's tests by Hugging Face `tokenizers`.

golden   trains a small byte-level BPE on the Python standard library and writes it with the ids of
         hostile Unicode texts, under several pre-tokenizers, to tests/golden/tokenizer.
unicode  writes tables to src/tokenizer: unicode_additions.inc, the code points whose general
         category in `tokenizers` is newer than Unicode 14, the version of PCRE2 10.42 and of Python
         3.11; and nfc_*.inc, for normalization form C as `tokenizers` has it.

Example:
  scripts/make_tokenizer_golden.py golden --out build/tokenizer-golden
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aero.core.command import run_command
from aero.core.options import Parser, whole
from aero.core.places import ROOT
from aero.golden.tokenizer_files import make_golden
from aero.golden.unicode_tables import make_unicode_tables

GOLDEN = ROOT / "tests" / "golden" / "tokenizer"


def make() -> int:
    """Parses the command line, and makes what it asks for."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["golden", "unicode"])
    parser.add_argument("--out", type=Path, help="folder to write to")
    parser.add_argument("--vocab-size", type=whole(257, 1 << 20), default=2000)
    arguments = parser.parse_args()
    if arguments.what == "golden":
        make_golden(arguments.out or GOLDEN, arguments.vocab_size)
    else:
        make_unicode_tables(arguments.out or ROOT / "src" / "tokenizer")
    return 0


def main() -> int:
    """Runs the script, and returns its exit status."""
    return run_command(make)
