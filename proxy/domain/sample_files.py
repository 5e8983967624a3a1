"""The smallest files that a health check can send, and that the fake provider answers with: half a second of silence, a dot."""

import base64
import struct
from typing import NamedTuple

_RATE = 8000
_SAMPLES = 4000


class SampleFile(NamedTuple):
    name: str
    content_type: str
    data: bytes


def _build_wav() -> bytes:
    """8 kHz, 16 bits, mono: http://soundfile.sapp.org/doc/WaveFormat/"""
    size = 2 * _SAMPLES
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, _RATE, 2 * _RATE, 2, 16, b"data", size
    )
    return head + bytes(size)


SILENCE = SampleFile("silence.wav", "audio/wav", _build_wav())
DOT = SampleFile(
    "dot.png",
    "image/png",
    base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="),
)
