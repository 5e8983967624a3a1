"""What the endpoints that call a model share: their paths, and the trip of one call."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response

from proxy.domain.operations import Operation
from proxy.web.serving import current_parts

View = Callable[..., Any]


def route(blueprint: Blueprint, operation: Operation) -> Callable[[View], View]:
    """All paths of an operation: OpenAI's, the Azure style and the older engines; the latter two name the model."""

    def decorate(view: View) -> View:
        view.operation = operation  # type: ignore[attr-defined]
        for prefix in ("", "/engines/<path:model>", "/openai/deployments/<path:model>"):
            for path in operation.paths:
                blueprint.add_url_rule(f"{prefix}/{path}", view_func=view, methods=list(operation.methods))
        return view

    return decorate


def serve(operation: Operation, model: str | None = None) -> Response:
    """Read the request, run the call, answer with what came of it. `model` is the one in the path."""
    parts = current_parts()
    return parts.presenter.respond(parts.gateway.serve(parts.reader.read(operation, model)))
