r"""`Noise`: which channels stand where in a circuit.

What a noise is asked is `around` a gate, `after_layer` and `at_readout`; another source of
noise answers these three (`interop.noise_from_pennylane`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from resqunn.checks import require, settle_fields, shown
from resqunn.circuits.channels import CHANNELS, Channel, ChannelOperation
from resqunn.circuits.gates import GATES
from resqunn.circuits.observables import Observable
from resqunn.circuits.operations import Operation
from resqunn.errors import ConfigurationError, unknown_name

PLACES = ("gate", "layer", "readout")
"""Where channels may stand."""


@dataclass(frozen=True)
class Rule:
    """A channel and where it stands.

    Attributes:
        channel: of one qubit, which acts on each qubit by itself, or of two.
        place: `"gate"`, after each gate, on the qubits that it touches (a channel of two qubits
            after gates of two); `"layer"`, after the encoding and after each ansatz layer;
            `"readout"`, at the end.
        gates: names of the gates after which it stands; all by default.
        qubits: qubits on which it acts; all by default. A channel of two qubits needs both of
            them, in order, after a layer or at the end.

    Raises:
        ConfigurationError: for a place or gate that there is not, gates without
            `place="gate"`, or qubits that do not fit the channel.
    """

    channel: Channel
    place: str = "gate"
    gates: tuple[str, ...] = ()
    qubits: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        settle_fields(self)
        if self.place not in PLACES:
            raise unknown_name("place", self.place, PLACES)
        for name in self.gates:
            if name not in GATES:
                raise unknown_name("gate", name, GATES)
            if self.channel.num_qubits == 2 and GATES[name].num_qubits != 2:
                raise ConfigurationError(
                    f"gates must be of two qubits for a channel of two, got {name!r}"
                )
        if self.gates and self.place != "gate":
            raise ConfigurationError(
                f"gates must be given with place='gate', got place={self.place!r}"
            )
        if (self.qubits and min(self.qubits) < 0) or len(set(self.qubits)) != len(self.qubits):
            raise ConfigurationError(
                f"qubits must be different and 0 or more, got {shown(self.qubits)}"
            )
        both = self.channel.num_qubits == 2 and (self.qubits or self.place != "gate")
        if both and len(self.qubits) != 2:
            raise ConfigurationError(
                f"qubits must be two for a channel of two, got {shown(self.qubits)}"
            )

    def after(self, operation: Operation) -> Iterator[ChannelOperation]:
        """The channels after a gate."""
        if self.place != "gate" or (self.gates and operation.name not in self.gates):
            return
        if self.channel.num_qubits == 1:
            for qubit in operation.qubits:
                if not self.qubits or qubit in self.qubits:
                    yield ChannelOperation.of(self.channel, qubit)
        elif len(operation.qubits) == 2:
            if not self.qubits or set(self.qubits) == set(operation.qubits):
                yield ChannelOperation.of(self.channel, *(self.qubits or operation.qubits))

    def on(self, num_qubits: int) -> Iterator[ChannelOperation]:
        """The channels on all of so many qubits."""
        if self.channel.num_qubits == 2:
            yield ChannelOperation.of(self.channel, *self.qubits)
        else:
            for qubit in self.qubits or range(num_qubits):
                yield ChannelOperation.of(self.channel, qubit)


@dataclass(frozen=True, init=False)
class Noise:
    r"""Noise of a quantum computer, as channels among a circuit's gates.

    Strengths are constants as PennyLane's channels have them, probabilities for depolarizing, bit
    flip and phase flip. The channels of all of them stand in the order of these arguments, rules
    first. Of gates that are computed of others, such as `CRZ`, the whole is one gate; what
    prepares amplitudes is none.

    Args:
        rules: `Rule`s, for other channels and places.
        depolarizing, bit_flip, phase_flip, phase_damping, amplitude_damping: strengths in [0, 1].
        readout: the probability that a measured bit is flipped, in any basis:
            $\langle Z\rangle \to (1 - 2p)\langle Z\rangle$, and so on for words.
        where: `"gate"`, after each gate, the encoding's included, on each qubit that it touches;
            `"layer"`, on all qubits after the encoding, each time it is done, and after each
            ansatz layer (and after what an ansatz has before and after its layers); `"readout"`,
            on all qubits at the end.

    Raises:
        ConfigurationError: for a strength outside [0, 1], or a place that there is not.

    >>> Noise(depolarizing=0.01, readout=0.02)
    Noise(depolarizing=0.01, readout=0.02)
    """

    rules: tuple[Rule, ...]
    depolarizing: float
    bit_flip: float
    phase_flip: float
    phase_damping: float
    amplitude_damping: float
    readout: float
    where: str

    def __init__(
        self,
        *rules: Rule,
        depolarizing: float = 0.0,
        bit_flip: float = 0.0,
        phase_flip: float = 0.0,
        phase_damping: float = 0.0,
        amplitude_damping: float = 0.0,
        readout: float = 0.0,
        where: str = "gate",
    ) -> None:
        for rule in rules:
            require("rules", rule, Rule)
        strengths = {
            "depolarizing": depolarizing,
            "bit_flip": bit_flip,
            "phase_flip": phase_flip,
            "phase_damping": phase_damping,
            "amplitude_damping": amplitude_damping,
            "readout": readout,
        }
        for name, value in (strengths | {"rules": rules, "where": where}).items():
            object.__setattr__(self, name, value)
        settle_fields(self)
        for name in strengths:
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ConfigurationError(f"{name} must be in [0, 1], got {value}")
        if where not in PLACES:
            raise unknown_name("where", where, PLACES)

    @cached_property
    def _rules(self) -> tuple[Rule, ...]:
        """All that change something."""
        named = (
            Rule(make(getattr(self, name)), self.where)
            for name, make in CHANNELS.items()
            if getattr(self, name)
        )
        return tuple(rule for rule in (*self.rules, *named) if not rule.channel.is_identity)

    def require_fit(self, circuit: object) -> None:
        """
        Raises:
            CircuitError: for a circuit whose gates cannot have this noise.
        """

    def around(self, operation: Operation) -> tuple[tuple[Operation, ...], tuple[Operation, ...]]:
        """What stands before and after a gate."""
        return (), tuple(each for rule in self._rules for each in rule.after(operation))

    def after_layer(self, num_qubits: int) -> tuple[Operation, ...]:
        """What stands after the encoding and after each ansatz layer."""
        return self._on("layer", num_qubits)

    def at_readout(
        self, observables: Sequence[Observable], num_qubits: int
    ) -> tuple[Operation, ...]:
        """What stands at the end, before the basis of a measurement is turned to."""
        return self._on("readout", num_qubits)

    def _on(self, place: str, num_qubits: int) -> tuple[Operation, ...]:
        rules = (rule for rule in self._rules if rule.place == place)
        return tuple(each for rule in rules for each in rule.on(num_qubits))

    @property
    def by_layer(self) -> bool:
        """Whether layers matter."""
        return any(rule.place == "layer" for rule in self._rules)

    @staticmethod
    def parse(text: str) -> Noise:
        """The noise of a text such as `str` gives, without rules.

        Raises:
            ConfigurationError: for a name that there is not, or what is no strength or place.

        >>> Noise.parse("depolarizing=0.05,where=layer")
        Noise(depolarizing=0.05, where='layer')
        """
        options: dict[str, Any] = {}
        known = [field.name for field in fields(Noise)[1:]]
        for part in filter(None, (each.strip() for each in text.split(","))):
            name, equals, value = (each.strip() for each in part.partition("="))
            if not equals:
                raise ConfigurationError(
                    f"noise must be NAME=STRENGTH, several with commas in between, got {part!r:.60}"
                )
            if name not in known:
                raise unknown_name("noise", name[:60], known)
            if name in options:
                raise ConfigurationError(f"noise must name {name} once, got it twice")
            try:
                options[name] = value if name == "where" else float(value)
            except ValueError:
                raise ConfigurationError(
                    f"{name} must be a number in [0, 1], got {value!r:.60}"
                ) from None
        return Noise(**options)

    def __str__(self) -> str:
        if self.rules:
            return repr(self)
        return ",".join(f"{name}={value}" for name, value in self._given())

    def _given(self) -> Iterator[tuple[str, Any]]:
        """The options that are not as by default."""
        for field in fields(Noise)[1:]:
            value, default = getattr(self, field.name), "gate" if field.name == "where" else 0.0
            if value != default:
                yield field.name, value

    def __repr__(self) -> str:
        parts = [repr(rule) for rule in self.rules]
        parts += (f"{name}={value!r}" for name, value in self._given())
        return f"{type(self).__name__}({', '.join(parts)})"
