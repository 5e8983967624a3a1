"""SageMaker endpoints that speak OpenAI's format (`sagemaker_chat/<endpoint>`): vLLM, TGI and LMI containers.

Streams are AWS event frames whose payloads are pieces, cut anywhere, of a server-sent event stream.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointWithResponseStream.html
"""

from collections.abc import Mapping
from urllib.parse import quote

from proxy.domain.answer import Answer, Chunk
from proxy.domain.aws import read_model, service_host
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.operations import CHAT
from proxy.domain.wire import Event, WireRequest
from proxy.errors import GatewayError, InvalidProviderResponseError
from proxy.providers.bedrock.errors import error_from_frame
from proxy.providers.bedrock.errors import parse_error as parse_aws
from proxy.providers.compatible.openai import JSON_HEADERS, Compatible, build_body
from proxy.providers.compatible.openai import parse_response as parse_compatible
from proxy.providers.compatible.stream import CompatibleStream
from proxy.providers.contract import Provider, StreamDecoder
from proxy.providers.translation.errors import build_error
from proxy.providers.translation.json_reading import find_object

ROW = Compatible(None)
_STREAM_HEADERS = {"content-type": "application/json", "accept": "application/vnd.amazon.eventstream"}
_MAX_LINE_BYTES = 16 * 1024 * 1024


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    """OpenAI's body, to be signed."""
    return WireRequest(
        url=build_url(call, deployment),
        headers=dict(_STREAM_HEADERS if call.stream else JSON_HEADERS),
        body=build_body(call, deployment, ROW),
        guarded=deployment.guarded,
    )


def build_url(call: Call, deployment: Deployment) -> str:
    """`sagemaker_base_url` is LiteLLM's name for an address of one's own, which stands for the whole of it."""
    own = deployment.connection.get("sagemaker_base_url")
    if isinstance(own, str) and own:
        return own
    model = read_model(deployment)
    base = deployment.api_base or f"https://{service_host('runtime.sagemaker', model.region)}"
    action = "invocations-response-stream" if call.stream else "invocations"
    return f"{base}/endpoints/{quote(model.model_id, safe='')}/{action}"


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    return parse_compatible(body, headers, call, deployment, ROW)


def open_stream(call: Call, deployment: Deployment) -> StreamDecoder:
    return EndpointStream(deployment)


class EndpointStream:
    """Joins the pieces into lines and relays the chunks; finished means the same as for OpenAI's own streams."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._chunks = CompatibleStream(deployment, ROW)
        self._pieces: list[bytes] = []
        self._held = 0

    def feed(self, event: Event) -> list[Chunk]:
        if event.name.lower().endswith(("exception", "error", "failure", "fault")):
            raise error_from_frame(event.name, event.data, self._deployment)
        first, *others = event.data.split(b"\n")
        self._hold(first)
        chunks: list[Chunk] = []
        for line in others:
            chunks.extend(self._take())
            self._hold(line)
        return chunks

    def finish(self) -> list[Chunk]:
        return [*self._take(), *self._chunks.finish()]

    def _hold(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._held += len(piece)
        if self._held > _MAX_LINE_BYTES:
            raise InvalidProviderResponseError("SageMaker sent an endless line", provider=self._deployment.provider)

    def _take(self) -> list[Chunk]:
        line = b"".join(self._pieces)
        self._pieces, self._held = [], 0
        return self._line(line)

    def _line(self, line: bytes) -> list[Chunk]:
        """A `data:` line is an event: OpenAI's chunks are one line each."""
        line = line.strip()
        if not line.startswith(b"data:"):
            return []
        return self._chunks.feed(Event(line.removeprefix(b"data:").strip()))


def parse_error(status: int, body: bytes, headers: Mapping[str, str], deployment: Deployment) -> GatewayError:
    """The container's own error where a ModelError (424) holds it, else SageMaker's."""
    inner = _read_model_error(body) if status == 424 else None
    return build_error(*inner, headers, deployment) if inner else parse_aws(status, body, headers, deployment)


def _read_model_error(body: bytes) -> tuple[int, bytes] | None:
    fields = find_object(body) or {}
    status, message = fields.get("OriginalStatusCode"), fields.get("OriginalMessage")
    if isinstance(status, int) and 400 <= status < 600 and isinstance(message, str):
        return status, message.encode()
    return None


PROVIDER = Provider(
    name="sagemaker_chat",
    build_request=build_request,
    parse_response=parse_response,
    parse_error=parse_error,
    open_stream=open_stream,
    framing="aws-eventstream",
    operations=(CHAT,),
    variables={"aws_region_name": ("AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION")},
    auth="aws",
    needs_key=False,
)
