"""Small questions that tools ask: how many tokens, what would be sent, which parameters, how busy, which callbacks."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from proxy.domain.call import Call
from proxy.domain.json_text.codec import loads
from proxy.domain.json_text.document import Document
from proxy.domain.operations import OPERATIONS, Operation
from proxy.domain.sink_names import SINKS
from proxy.errors import BadRequestError, NotFoundError, PermissionDeniedError
from proxy.gateway.shown_config import mask_config
from proxy.routing.estimate import prompt_tokens
from proxy.web.body import check_body, read_object
from proxy.web.current import current_caller
from proxy.web.serving import current_parts

blueprint = Blueprint("lookups", __name__)

_COUNTED = ("messages", "prompt", "contents", "input")
_CALLBACKS = {"success_and_failure": "callbacks", "success": "success_callback", "failure": "failure_callback"}


@blueprint.post("/utils/token_counter")
def count_tokens() -> Response:
    """About the tokens of messages or a prompt: four characters to a token. count_tokens of a dialect asks the provider."""
    fields = read_object()
    model = _text(fields, "model")
    if not any(fields.get(name) for name in _COUNTED):
        raise BadRequestError("prompt or messages or contents must be provided", param="messages")
    _check_access(model)
    return jsonify(
        total_tokens=prompt_tokens({name: fields[name] for name in fields if name in (*_COUNTED, "tools", "system")}),
        request_model=model,
        model_used=current_parts().inspection.deployment_model(model) or model,
        tokenizer_type="estimate",
        error=False,
    )


@blueprint.post("/utils/transform_request")
def transform_request() -> Response:
    """What the provider would be sent for `request_body`: nothing is sent. Keys are masked."""
    fields = read_object()
    operation = _operation_of(_text(fields, "call_type"))
    body = fields.get("request_body")
    if not isinstance(body, dict):
        raise BadRequestError("Missing required parameter: 'request_body'.", param="request_body")
    check_body(operation.schema, body)
    _check_access(body["model"])
    caller = current_caller()
    call = Call(caller.call_id, operation, body["model"], Document.of(body), stream=bool(body.get("stream")))
    planned = current_parts().inspection.explain(call).get("request") or {}
    if "url" not in planned:
        raise BadRequestError(str(planned.get("message", "No deployment can be asked now.")), param="request_body")
    return jsonify(
        raw_request_api_base=planned["url"],
        raw_request_body=planned["body"],
        raw_request_headers=planned["headers"],
        error=None,
    )


@blueprint.get("/utils/supported_openai_params")
def list_parameters() -> Response:
    """The parameters that a model's provider takes."""
    model = request.args.get("model")
    if not model:
        raise BadRequestError("Missing required parameter: 'model'.", param="model")
    _check_access(model)
    found = current_parts().inspection.parameters_of(model)
    if found is None:
        raise BadRequestError(f"Could not map model={model[:200]}", param="model")
    return jsonify(supported_openai_params=found)


@blueprint.get("/health/backlog")
def show_backlog() -> Response:
    """The tries that are under way now, streams too: those of all workers."""
    return jsonify(in_flight_requests=current_parts().inspection.in_flight())


@blueprint.get("/health/services")
def show_service() -> Response:
    """Whether a callback is configured; nothing is sent to it."""
    service = request.args.get("service")
    if not service:
        raise BadRequestError("Missing required parameter: 'service'.", param="service")
    if service not in SINKS:
        raise BadRequestError(f"Service must be one of {', '.join(sorted(SINKS))}.", param="service")
    if service not in {name for names in _callbacks().values() for name in names}:
        raise NotFoundError(f"The callback '{service}' is not configured.", param="service")
    return jsonify(status="success", message=f"{service} is configured; no test message was sent.")


@blueprint.get("/callbacks/list")
def list_callbacks() -> Response:
    """The configured callbacks, by when they are called."""
    return jsonify(_callbacks())


@blueprint.get("/config/yaml")
def show_config() -> Response:
    """The configuration file, for administrators: credentials and addresses are masked."""
    account = current_caller().account
    if account is not None and account.role not in ("proxy_admin", "proxy_admin_viewer"):
        raise PermissionDeniedError("The configuration is for administrators.")
    settings = current_parts().settings
    text = jsonify(mask_config(settings.document)).get_data(as_text=True)
    return jsonify(loads(settings.secrets.mask(text)))


def _callbacks() -> dict[str, list[str]]:
    sinks = current_parts().settings.sinks
    return {
        kind: [name for name in _names(sinks.get(setting)) if name in SINKS] for kind, setting in _CALLBACKS.items()
    }


def _names(value: object) -> list[str]:
    return (
        [str(name) for name in value] if isinstance(value, list | tuple) else [value] if isinstance(value, str) else []
    )


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip():
        problem = f"Missing required parameter: '{name}'." if value is None else f"Invalid value for '{name}'."
        raise BadRequestError(problem, param=name)
    return value


def _operation_of(call_type: str) -> Operation:
    """LiteLLM's names: `completion` is a chat, with or without the `a` of its asynchronous functions."""
    for operation in OPERATIONS.values():
        if call_type.removeprefix("a") == operation.call_type.removeprefix("a"):
            return operation
    raise BadRequestError(f"There is no call_type '{call_type[:100]}'.", param="call_type")


def _check_access(model: str) -> None:
    account = current_caller().account
    if account is not None and not current_parts().access.may_use(account, account.aliases.get(model, model)):
        raise PermissionDeniedError(f"This key may not use the model '{model[:200]}'.", param="model")
