"""Compiled code of sampling. Imports numba: import it only when it is to be run."""
