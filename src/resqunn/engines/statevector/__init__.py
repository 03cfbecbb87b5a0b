"""The reference engine: state vectors in plain torch."""
