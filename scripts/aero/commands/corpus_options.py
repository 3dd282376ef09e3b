"""Defines the command line of scripts/prepare_corpus.py."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from aero.core.options import Help, Parser
from aero.corpus.filters import FILTERS
from aero.corpus.option_values import count, positive_number, probability, seed, share, utf8_text
from aero.corpus.settings import DEFAULT_EOS, MIN_VOCAB, FilterSettings, Settings

_MOST_WORKERS = 1024
_MOST_DOCUMENT_BYTES = (1 << 32) - 1
_MOST_TOKENS = 1 << 24  # in a vocabulary that aero reads
_LONGEST_CONTEXT = (1 << 32) - 1


def separator(value: str) -> str:
    r"""Parses a separator in which \n and \t stand for a line end and a tab."""
    if not value:
        raise argparse.ArgumentTypeError("a separator cannot be empty")
    return utf8_text(value).replace("\\n", "\n").replace("\\t", "\t")


def build_parser(description: str | None) -> argparse.ArgumentParser:
    """Builds the parser of the command line."""
    usage = "%(prog)s SOURCE... --out FOLDER [OPTION...]"
    parser = Parser(usage=usage, description=description, formatter_class=Help)
    parser.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="a file, a folder or a quoted glob"
    )
    parser.add_argument(
        "--out", required=True, type=Path, metavar="FOLDER", help="the corpus to write"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a corpus at --out")
    parser.add_argument(
        "--workers",
        type=count(_MOST_WORKERS),
        default=len(os.sched_getaffinity(0)),
        metavar="N",
        help="processes; change no byte (default: all cores, %(default)s)",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print warnings and errors only")
    _add_reading(parser.add_argument_group("reading"))
    _add_filtering(parser.add_argument_group("filters and deduplication"))
    _add_choosing(parser.add_argument_group("limits and split"))
    _add_tokenizing(parser.add_argument_group("tokenizer and layout"))
    return parser


def _add_reading(group: Any) -> None:
    group.add_argument(
        "--include",
        action="append",
        metavar="PATTERN",
        help="names to take from folders, as '*.py'; may be repeated (default: all)",
    )
    group.add_argument(
        "--format",
        choices=("auto", "text", "jsonl"),
        default="auto",
        metavar="FORMAT",
        help="text, jsonl, or auto (default): by the name",
    )
    group.add_argument(
        "--jsonl-key",
        type=utf8_text,
        metavar="KEY",
        help="that holds the text (default: text, else content)",
    )
    group.add_argument(
        "--skip-bad",
        action="store_true",
        help="leave out and count JSONL records that cannot be read (default: stop)",
    )
    group.add_argument(
        "--separator",
        type=separator,
        metavar="TEXT",
        help=r"cut plain text into documents at this, such as '<|endoftext|>' or '\n\n\n'",
    )
    group.add_argument(
        "--max-document-bytes",
        type=count(_MOST_DOCUMENT_BYTES),
        default=Settings.max_document_bytes,
        metavar="N",
        help="cut longer ones at line ends (default: %(default)s)",
    )


def _add_filtering(group: Any) -> None:
    group.add_argument(
        "--filters",
        choices=("auto", "code", "text", "none"),
        default="auto",
        metavar="SET",
        help="code, text, none, or auto (default): by the source",
    )
    group.add_argument(
        "--without",
        action="append",
        choices=FILTERS,
        default=[],
        metavar="FILTER",
        help="turn one filter off; may be repeated",
    )
    group.add_argument("--no-dedup", action="store_true", help="keep exact duplicates")
    for name, kind, letter, text in (
        ("line-max", count(), "N", "longest line, in characters"),
        ("line-mean", positive_number, "X", "longest mean line, in characters"),
        ("alpha-fraction", probability, "X", "least share of letters and digits"),
        ("token-ratio", positive_number, "X", "fewest characters a token"),
    ):
        default = getattr(FilterSettings, name.replace("-", "_"))
        text += " (default: %(default)s)"
        group.add_argument(f"--{name}", type=kind, default=default, metavar=letter, help=text)
    group.add_argument(
        "--drop-share",
        type=probability,
        default=FilterSettings.drop_share,
        metavar="X",
        help="share that config-or-test and no-keywords drop of what they catch "
        "(default: %(default)s)",
    )


def _add_choosing(group: Any) -> None:
    group.add_argument(
        "--max-documents", type=count(), metavar="N", help="keep N documents, chosen by hash"
    )
    group.add_argument(
        "--max-bytes",
        type=count(),
        metavar="N",
        help="keep at most N bytes of text, chosen by hash",
    )
    group.add_argument(
        "--seed",
        type=seed,
        default=0,
        metavar="N",
        help="orders documents, draws for filters (default: 0)",
    )
    group.add_argument(
        "--val-fraction",
        type=share,
        default=Settings.val_fraction,
        metavar="X",
        help="share held out, chosen by hash (default: %(default)s)",
    )


def _add_tokenizing(group: Any) -> None:
    group.add_argument(
        "--tokenizer",
        metavar="PATH",
        help="a tokenizer.json, a SentencePiece .model, or a folder of one (default: train a "
        "byte-level BPE)",
    )
    group.add_argument(
        "--vocab-size",
        type=count(_MOST_TOKENS),
        default=Settings.vocab_size,
        metavar="N",
        help="size of the BPE to train (default: %(default)s)",
    )
    group.add_argument(
        "--bpe-sample-bytes",
        type=count(),
        default=Settings.bpe_sample_bytes,
        metavar="N",
        help="most text to train it on (default: %(default)s)",
    )
    group.add_argument(
        "--eos",
        type=utf8_text,
        metavar="TOKEN",
        help=f"ends documents (default: the given tokenizer's own, {DEFAULT_EOS} in one that is "
        "trained)",
    )
    group.add_argument(
        "--layout",
        choices=("stream", "chunk"),
        default="stream",
        help="stream (default): documents joined by EOS; chunk: each cut to --context tokens, "
        "the rest dropped",
    )
    group.add_argument(
        "--context", type=count(_LONGEST_CONTEXT), metavar="T", help="chunk length in tokens"
    )
    group.add_argument(
        "--shard-tokens",
        type=count(),
        default=Settings.shard_tokens,
        metavar="N",
        help="most tokens in one file (default: %(default)s)",
    )


def settings_of(args: argparse.Namespace, parser: argparse.ArgumentParser) -> Settings:
    """Returns the settings of a command line; exits where options contradict each other."""
    if args.layout == "chunk" and args.context is None:
        parser.error("--layout chunk needs --context, the chunk length in tokens")
    if args.layout == "stream" and args.context is not None:
        parser.error("--context goes with --layout chunk; a stream has none")
    if args.tokenizer is None and args.vocab_size < MIN_VOCAB:
        parser.error(f"--vocab-size must be at least {MIN_VOCAB}: 256 bytes and the EOS token")
    return Settings(
        sources=tuple(args.sources),
        include=tuple(args.include or ("*",)),
        format=args.format,
        jsonl_key=args.jsonl_key,
        skip_bad=args.skip_bad,
        separator=args.separator,
        max_document_bytes=args.max_document_bytes,
        filters=FilterSettings(
            profile=args.filters,
            without=tuple(sorted(set(args.without))),
            line_max=args.line_max,
            line_mean=args.line_mean,
            alpha_fraction=args.alpha_fraction,
            token_ratio=args.token_ratio,
            drop_share=args.drop_share,
        ),
        dedup=not args.no_dedup,
        max_documents=args.max_documents,
        max_bytes=args.max_bytes,
        seed=args.seed,
        val_fraction=args.val_fraction,
        tokenizer=args.tokenizer,
        vocab_size=args.vocab_size,
        bpe_sample_bytes=args.bpe_sample_bytes,
        eos=args.eos,
        layout=args.layout,
        context=args.context,
        shard_tokens=args.shard_tokens,
    )
