#!/usr/bin/env python3
"""Makes a checkpoint of AERO from a ckpt.pt of nanoGPT. --help explains how."""

from __future__ import annotations

from aero.core.launch import launch

if __name__ == "__main__":
    launch("aero.commands.convert_nanogpt")
