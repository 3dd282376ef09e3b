#!/usr/bin/env python3
"""Holds the members of a sweep against one of them. --help explains how."""

from __future__ import annotations

from aero.core.launch import launch

if __name__ == "__main__":
    launch("aero.commands.compare_members")
