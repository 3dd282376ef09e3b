#!/usr/bin/env python3
"""Makes the reference tensors of tests/golden, or checks them. --help explains how."""

from __future__ import annotations

from aero.core.launch import launch

if __name__ == "__main__":
    launch("aero.commands.make_golden")
