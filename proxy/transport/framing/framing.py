"""The framings of streams by the names that the providers' table uses."""

from collections.abc import Callable, Mapping

from proxy.domain.wire import Decoder
from proxy.transport.framing.eventstream import EventStreamDecoder
from proxy.transport.framing.json_array import SSEOrArrayDecoder
from proxy.transport.framing.ndjson import NDJSONDecoder
from proxy.transport.framing.raw import RawDecoder
from proxy.transport.framing.sse import SSEDecoder

# Keyed by proxy.providers.contract.Framing; `raw` is for answers that are no stream of events, such as speech.
DECODERS: Mapping[str, Callable[[], Decoder]] = {
    "sse": SSEDecoder,
    "sse-or-array": SSEOrArrayDecoder,
    "ndjson": NDJSONDecoder,
    "aws-eventstream": EventStreamDecoder,
    "raw": RawDecoder,
}
