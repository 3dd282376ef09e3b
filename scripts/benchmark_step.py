#!/usr/bin/env python3
"""Measures tokens/s of a training step on the CPU. --help explains how."""

from __future__ import annotations

from aero.core.launch import launch

if __name__ == "__main__":
    launch("aero.commands.benchmark_step")
