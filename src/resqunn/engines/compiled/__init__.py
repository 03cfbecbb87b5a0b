"""Compiled functions: called from Python, kept on disk as machine code, compiled when missing."""
