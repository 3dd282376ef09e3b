#!/usr/bin/env python3
"""Runs trained models under encryption on held-out text. --help explains how."""

from __future__ import annotations

from aero.core.launch import launch

if __name__ == "__main__":
    launch("aero.commands.private_table")
