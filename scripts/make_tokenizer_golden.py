#!/usr/bin/env python3
"""Makes what the tokenizer's tests compare with. --help explains how."""

from __future__ import annotations

from aero.core.launch import launch

if __name__ == "__main__":
    launch("aero.commands.make_tokenizer_golden")
