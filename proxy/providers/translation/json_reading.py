"""Reading JSON leniently: a member of another type than expected counts as missing.

For what providers send. What clients send is read by content.py, which names the place of a mistake.
"""

from collections.abc import Mapping
from typing import Any

from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps, loads, read_text
from proxy.errors import InvalidProviderResponseError, TruncatedStreamError
from proxy.providers.translation.content import bad_content


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def listed(value: object) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def mappings(value: object) -> list[Mapping[str, Any]]:
    """The items of a list, in their places: an empty object for each that is not an object."""
    return [mapping(item) for item in listed(value)]


def text_of(value: object) -> str:
    """The value if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def find_object(body: bytes | str) -> dict[str, Any] | None:
    """The JSON object that a body is; None if it is something else."""
    try:
        fields = loads(body)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def parse_object(body: bytes, deployment: Deployment) -> dict[str, Any]:
    """The JSON object that an answer is. Raise InvalidProviderResponseError for anything else."""
    try:
        fields, _ = read_text(body)
    except ValueError:
        fields = None
    if isinstance(fields, dict):
        return fields
    raise InvalidProviderResponseError(
        f"{deployment.provider} answered with something that is not a JSON object", provider=deployment.provider
    )


def parse_event(data: bytes, deployment: Deployment, what: str = "an event") -> Any:
    """The JSON value of a stream's event. Raise TruncatedStreamError for data that is not JSON."""
    try:
        return loads(data)
    except ValueError:
        raise TruncatedStreamError(
            f"{deployment.provider} sent {what} that is not JSON", provider=deployment.provider
        ) from None


def parse_arguments(arguments: object, param: str) -> Mapping[str, Any]:
    """A client's tool call arguments, JSON text or an object; empty text and null are an empty object.

    Integers keep their digits. Raise BadRequestError, which names the place, for anything else.
    """
    if isinstance(arguments, str):
        try:
            arguments = loads(arguments) if arguments.strip() else None
        except ValueError as error:
            raise bad_content(f"A tool call's arguments are not JSON: {error.args[0]}", param) from None
    elif not arguments:
        arguments = None
    if arguments is None:
        return {}
    if not isinstance(arguments, Mapping):
        raise bad_content("A tool call's arguments are not a JSON object", param)
    return arguments


def dump_arguments(arguments: object) -> str:
    """A provider's tool call arguments as OpenAI's text: `{}` for none. Text stays as it is."""
    return arguments if isinstance(arguments, str) and arguments else dumps(arguments or {}).decode()
