#!/usr/bin/env python3
"""Draws figures of AERO's runs and sweeps. --help explains how."""

from __future__ import annotations

from aero.core.launch import launch

if __name__ == "__main__":
    launch("aero.commands.plot")
