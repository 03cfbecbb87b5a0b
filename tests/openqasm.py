"""A reader of OpenQASM 3 programs, from the language's own definitions of its gates.

It shares nothing with the library: gates are what the specification and its `stdgates.inc`
say they are, in terms of U and a global phase (https://openqasm.com/language/gates.html).
"""

import cmath
import re
from collections.abc import Iterator
from math import pi

import numpy as np

# Name: the parameters of U(theta, phi, lambda), and the global phase, from the gate's angle.
STDGATES = {
    "x": lambda: (pi, 0, pi, -pi / 2),
    "y": lambda: (pi, pi / 2, pi / 2, -pi / 2),
    "z": lambda: (0, 0, pi, 0),
    "h": lambda: (pi / 2, 0, pi, -pi / 4),
    "s": lambda: (0, 0, pi / 2, 0),
    "t": lambda: (0, 0, pi / 4, 0),
    "sx": lambda: (pi / 2, -pi / 2, pi / 2, 0),
    "rx": lambda t: (t, -pi / 2, pi / 2, -t / 2),
    "ry": lambda t: (t, 0, 0, -t / 2),
    "rz": lambda t: (0, 0, t, -t / 2),
    "p": lambda t: (0, 0, t, 0),
    "u3": lambda theta, phi, lam: (theta, phi, lam, -(theta + phi + lam) / 2),
}
CONTROLLED = {
    "cx": "x", "cz": "z", "crx": "rx", "cry": "ry", "crz": "rz", "cp": "p", "ccx": "cx",
}  # fmt: skip

STATEMENT = re.compile(r"((?:(?:neg)?ctrl @ )*)(\w+)(?:\((.*)\))? (q\[\d+\](?:, q\[\d+\])*)")


def matrix(name: str, *angle: float) -> np.ndarray:
    """A gate of one qubit."""
    theta, phi, lam, phase = STDGATES[name](*angle)
    turn = cmath.exp(1j * theta)
    u = np.array(
        [
            [1 + turn, -1j * cmath.exp(1j * lam) * (1 - turn)],
            [1j * cmath.exp(1j * phi) * (1 - turn), cmath.exp(1j * (phi + lam)) * (1 + turn)],
        ]
    )
    return cmath.exp(1j * phase) / 2 * u


def gates(lines: list[str]) -> Iterator[tuple[np.ndarray, list[int], list[int]]]:
    """Each gate's matrix, its target qubits, and the values of its controls, which are the
    qubits before the target."""
    for line in lines:
        modifiers, name, angle, wires = STATEMENT.fullmatch(line).groups()
        values = [int(word == "ctrl") for word in re.findall(r"(\w+) @", modifiers)]
        while name in CONTROLLED:
            name, values = CONTROLLED[name], [*values, 1]
        qubits = [int(q) for q in re.findall(r"\d+", wires)]
        if name == "swap":
            for pair in (qubits, qubits[::-1], qubits):
                yield matrix("x"), pair, [1]
            continue
        assert len(qubits) == len(values) + 1
        yield matrix(name, *map(float, angle.split(",") if angle else [])), qubits, values


def run(program: str, start: np.ndarray | None = None) -> np.ndarray:
    """What becomes of the columns of `start`, by default |0...0> alone.

    Qubit 0 is the most significant bit of a row's index.
    """
    version, include, register, bits, *body, measure = program.rstrip("\n").split(";\n")
    assert (version, include) == ("OPENQASM 3.0", 'include "stdgates.inc"')
    count = int(re.fullmatch(r"qubit\[(\d+)\] q", register)[1])
    assert (bits, measure) == (f"bit[{count}] c", "c = measure q;")
    start = np.eye(2**count)[:, :1] if start is None else start
    columns = start.astype(complex).reshape(*(2,) * count, -1)
    for gate, (*controls, target), values in gates(body):
        where = [slice(None)] * (count + 1)
        for control, value in zip(controls, values, strict=True):
            where[control] = value
        axis = target - sum(control < target for control in controls)
        part = columns[tuple(where)]
        columns[tuple(where)] = np.moveaxis(np.tensordot(gate, part, (1, axis)), 0, axis)
    return columns.reshape(2**count, -1)
