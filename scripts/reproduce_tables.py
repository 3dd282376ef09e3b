#!/usr/bin/env python3
"""Prints the papers' tables beside ours. --help explains how."""

from __future__ import annotations

from aero.core.launch import launch

if __name__ == "__main__":
    launch("aero.commands.reproduce_tables")
