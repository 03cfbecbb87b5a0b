"""The table of encodings, and encodings by their names."""

from __future__ import annotations

from resqunn.circuits.encodings.amplitude import AmplitudeEncoding, SoftmaxAmplitude
from resqunn.circuits.encodings.angle import AngleEncoding, DenseAngle, LearnableAngle, Threshold
from resqunn.circuits.encodings.base import Encoding
from resqunn.circuits.encodings.feature_maps import IQP, ZZFeatureMap
from resqunn.circuits.encodings.image_states import FRQI, NEQR, MatternFRQI
from resqunn.errors import unknown_name

ENCODINGS: dict[str, Encoding] = {
    entry.name: entry
    for entry in (
        AngleEncoding("ry", ("RY",)),
        AngleEncoding("rx", ("RX",)),
        AngleEncoding("rz", ("H", "RZ")),
        AngleEncoding("plain_rz", ("RZ",)),
        LearnableAngle("learnable_ry", ("RY",)),
        LearnableAngle("learnable_rx", ("RX",)),
        LearnableAngle("learnable_rz", ("H", "RZ")),
        DenseAngle(),
        IQP(),
        ZZFeatureMap(),
        Threshold("threshold"),
        Threshold("basis"),
        FRQI(),
        MatternFRQI(),
        NEQR(),
        AmplitudeEncoding(),
        SoftmaxAmplitude(),
    )
}


def encoding(name: str | Encoding) -> Encoding:
    """The table's entry of that name; an `Encoding` is returned as it is.

    Raises:
        ConfigurationError: if the table has none.
    """
    if isinstance(name, Encoding):
        return name
    if name not in ENCODINGS:
        raise unknown_name("encoding", name, ENCODINGS)
    return ENCODINGS[name]
