#!/usr/bin/env python3
"""Measures what SPU's operations cost and writes a cost model. --help explains how."""

from __future__ import annotations

from aero.core.launch import launch

if __name__ == "__main__":
    launch("aero.commands.measure_costs")
