"""Layers, residual wirings, heads and networks, as torch modules."""
