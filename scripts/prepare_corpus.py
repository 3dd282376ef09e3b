#!/usr/bin/env python3
"""Turns texts into a corpus that AERO trains on. --help explains how."""

from __future__ import annotations

from aero.core.launch import launch

if __name__ == "__main__":
    launch("aero.commands.prepare_corpus")
