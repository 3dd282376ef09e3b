#!/usr/bin/env python3
"""Refits the constants of the cost model aero_papers. --help explains how."""

from __future__ import annotations

from aero.core.launch import launch

if __name__ == "__main__":
    launch("aero.commands.calibrate_costs")
