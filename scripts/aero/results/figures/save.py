"""Writes a figure in the format that the name's suffix says."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from aero.core.errors import UsageError
from aero.core.files import write_whole

# The metadata leaves out what would make equal figures differ in their bytes.
_METADATA: dict[str, dict[str, Any]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
FORMATS = tuple(_METADATA)
_OTHERS = {*(".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".webp", ".bmp"), *(".eps", ".ps", ".svgz")}
_OTHERS |= {".pgf", ".emf", ".wmf", ".html", ".txt", ".json"}


def files_of(out: Path) -> list[Path]:
    """Returns that file, or a PNG and an SVG where the name has no suffix."""
    suffix = out.suffix.lower()
    if out.is_dir():
        raise UsageError(f"--out {out}: a folder; name a file in it")
    if suffix in FORMATS:
        return [out]
    if suffix in _OTHERS or out.name in ("", ".", ".."):
        raise UsageError(f"--out {out}: a figure's name ends in {', '.join(FORMATS)}, or in none")
    return [out.with_name(out.name + each) for each in (".png", ".svg")]


def _bytes_of(figure: Figure, suffix: str) -> bytes:
    file = BytesIO()
    figure.savefig(file, format=suffix.removeprefix("."), metadata=_METADATA[suffix])
    return file.getvalue()


def save(figure: Figure, out: Path) -> list[Path]:
    """Writes the files and returns them. The same data gives the same bytes."""
    files = files_of(out)
    write_whole({file: _bytes_of(figure, file.suffix.lower()) for file in files})
    return files
