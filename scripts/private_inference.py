#!/usr/bin/env python3
"""Runs a checkpoint of AERO under encryption. --help explains how."""

from __future__ import annotations

from aero.core.launch import launch

if __name__ == "__main__":
    launch("aero.commands.private_inference")
