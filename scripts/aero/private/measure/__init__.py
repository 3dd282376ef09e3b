"""The measurement of a cost model: what SPU's operations take of bytes, seconds and rounds."""
