"""One encrypted run: its two processes, the line between them, shares, and SPU's session."""
