#!/usr/bin/env python3
"""Runs AERO's tests on a card. --help explains how."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aero.core.launch import TORCH, launch

if __name__ == "__main__":
    launch("aero.commands.gpu.suite", remedy=TORCH)
