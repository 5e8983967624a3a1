"""POST chat/completions: one model, or several at once (`"model": "a,b"`)."""

from flask import Blueprint, Response

from proxy.domain.operations import CHAT
from proxy.endpoints.operation import route, serve

blueprint = Blueprint("chat", __name__)


@route(blueprint, CHAT)
def create_chat_completion(model: str | None = None) -> Response:
    return serve(CHAT, model)
