#!/usr/bin/env python3
"""Measures two runs side by side beside one that has their threads. --help explains how."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aero.core.launch import launch

if __name__ == "__main__":
    launch("aero.commands.bench_jobs")
