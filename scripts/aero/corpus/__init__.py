"""Prepares corpora for AERO: reads documents, and writes token files, tokenizer and manifest."""
