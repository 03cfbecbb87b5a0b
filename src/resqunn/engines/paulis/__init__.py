"""Mixed states as Pauli vectors, compiled: noise after gates of few qubits."""
