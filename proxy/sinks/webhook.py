"""Records to a receiver of one's own: each batch is one POST with a JSON array, as LiteLLM's `generic_api` sends it."""

from collections.abc import Mapping, Sequence

import orjson

from proxy.domain.record import CallRecord
from proxy.sinks.contract import Post, SinkContext, SinkSetupError, check_posted
from proxy.sinks.each import each


class Webhook:
    name = "webhook"
    tries = 3
    anonymous = False

    def __init__(self, url: str, headers: Mapping[str, str], post: Post) -> None:
        self._url = url
        self._headers = {"content-type": "application/json", **headers}
        self._post = post

    def write(self, records: Sequence[CallRecord]) -> None:
        written = each(records, lambda record: orjson.dumps(record.to_dict()))
        check_posted(self._post(self._url, b"[" + b",".join(written) + b"]", self._headers))

    def close(self) -> None:
        """Nothing is held."""


def build(context: SinkContext) -> Webhook:
    """`callback_settings.webhook` (`url`, `headers`), or LiteLLM's variables GENERIC_LOGGER_ENDPOINT and
    GENERIC_LOGGER_HEADERS (`name=value,name=value`)."""
    options = context.options("webhook") or context.options("generic_api")
    url = options.get("url") or options.get("endpoint") or context.environ.get("GENERIC_LOGGER_ENDPOINT")
    if not url:
        raise SinkSetupError("the webhook needs callback_settings.webhook.url or GENERIC_LOGGER_ENDPOINT")
    headers = options.get("headers") or parse_headers(context.environ.get("GENERIC_LOGGER_HEADERS", ""))
    return Webhook(str(url), {str(name): str(value) for name, value in headers.items()}, context.post)


def parse_headers(text: str) -> dict[str, str]:
    """`name=value,name=value`, as OTEL_EXPORTER_OTLP_HEADERS has it, too."""
    pairs = (pair.split("=", 1) for pair in text.split(",") if "=" in pair)
    return {name.strip(): value.strip() for name, value in pairs}
