"""Measures a cost model: the bytes, seconds and rounds that SPU's operations take."""
