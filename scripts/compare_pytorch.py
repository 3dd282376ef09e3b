#!/usr/bin/env python3
"""Trains a finished AERO run again with a plain PyTorch loop. --help explains how."""

from __future__ import annotations

from aero.core.launch import launch

if __name__ == "__main__":
    launch("aero.commands.compare_pytorch")
