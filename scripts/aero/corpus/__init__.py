"""Corpus preparation for AERO: documents in, token files, tokenizer and manifest out."""
