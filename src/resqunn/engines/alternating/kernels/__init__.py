"""Compiled code of the alternating engine. Imports numba: import it only when it is to be run."""
