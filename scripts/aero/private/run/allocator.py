"""Takes the C library's memory before a run, and keeps it throughout.

A page costs most when a process touches it for the first time. In a virtual machine that costs as
much as computing on the page: a first matrix product can take half as long again as a second one.
So a party takes the memory that it will need before it computes, in large pages, and gives none
back to the system.
"""

from __future__ import annotations

import ctypes
import mmap

from aero.core.errors import UsageError

# These constants are those of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8


def keep_memory() -> None:
    """Keeps freed memory with this process from here on, in one heap for all threads.

    Call it before threads start. It does nothing with other C libraries than glibc.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return
    for parameter, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1), (_ARENA_MAX, 1)):
        library.mallopt(parameter, value)


def take_memory(size: float) -> None:
    """Touches `size` bytes, which later allocations reuse. Raises AeroError."""
    count = int(size)
    if count <= 0:
        return
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    library.malloc.argtypes = [ctypes.c_size_t]
    library.free.argtypes = [ctypes.c_void_p]
    address = library.malloc(count)
    if address is None:
        raise UsageError(
            f"not enough memory: the system did not give the {count / 1e9:.1f} GB that this run "
            f"needs; end other programs or take fewer tokens"
        )
    if hasattr(library, "madvise") and hasattr(mmap, "MADV_HUGEPAGE"):
        start = -(-address // mmap.PAGESIZE) * mmap.PAGESIZE
        library.madvise(
            ctypes.c_void_p(start),
            ctypes.c_size_t(address + count - start),
            ctypes.c_int(mmap.MADV_HUGEPAGE),
        )
    ctypes.memset(address, 0, count)
    library.free(address)
