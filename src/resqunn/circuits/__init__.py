"""What the qubits do, as data: no torch and no simulation."""
