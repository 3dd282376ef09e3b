#!/usr/bin/env python3
"""Makes the Hugging Face folders that the tests of import and export read. --help explains how."""

from __future__ import annotations

from aero.core.launch import launch

if __name__ == "__main__":
    launch("aero.commands.make_exchange_golden")
