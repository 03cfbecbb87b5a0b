"""Compiled code of the Fourier engine. Imports numba: import it only when it is to be run."""
