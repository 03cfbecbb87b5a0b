"""Compiled state-vector kernels for the CPU, for circuits of up to 20 qubits."""
