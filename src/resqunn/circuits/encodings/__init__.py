"""Encodings: how the values of a patch become a quantum state.

Most put values (radians) into the angles of rotations; those that prepare amplitudes make them, or
what is computed of them, the amplitudes. To add an encoding, add an entry to `ENCODINGS`
(`table.py`).
"""

from resqunn.circuits.encodings.amplitude import AmplitudeEncoding, SoftmaxAmplitude
from resqunn.circuits.encodings.angle import AngleEncoding, DenseAngle, LearnableAngle, Threshold
from resqunn.circuits.encodings.base import Encoding
from resqunn.circuits.encodings.feature_maps import IQP, ZZFeatureMap
from resqunn.circuits.encodings.image_states import FRQI, NEQR, MatternFRQI
from resqunn.circuits.encodings.table import ENCODINGS, encoding

__all__ = [
    "ENCODINGS",
    "FRQI",
    "IQP",
    "NEQR",
    "AmplitudeEncoding",
    "AngleEncoding",
    "DenseAngle",
    "Encoding",
    "LearnableAngle",
    "MatternFRQI",
    "SoftmaxAmplitude",
    "Threshold",
    "ZZFeatureMap",
    "encoding",
]
