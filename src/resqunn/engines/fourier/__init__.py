"""Encode-once circuits as trigonometric polynomials in the inputs."""
