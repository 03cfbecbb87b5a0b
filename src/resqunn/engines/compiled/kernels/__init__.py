"""What kernels are made of. Imports numba: import it only when kernels are to be compiled."""
