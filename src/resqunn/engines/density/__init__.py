"""The reference engine for noise."""
