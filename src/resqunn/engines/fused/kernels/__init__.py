"""Compiled code of the fused engine. Imports numba: import it only when it is to be run."""
