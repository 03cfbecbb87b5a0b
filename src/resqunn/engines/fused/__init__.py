"""Compiled state-vector kernels for the CPU, for any circuit."""
