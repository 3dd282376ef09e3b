"""Names the places of the checkout."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "scripts"
AERO = ROOT / "build" / "release" / "bin" / "aero"
