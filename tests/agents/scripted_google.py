"""The scripted model with Google's Gemini API beside the others."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.agents.scripted_model import REPLY, Play, ScriptedModel, _send, _stream

SIGNATURE = "c3R1Yi1zaWduYXR1cmU="
_LIMIT = {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}


class ScriptedGoogle(ScriptedModel):
    """Answers at `models/M:method`; a model whose name has `error-429` is always over its limit."""

    def answer(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        model, mark, method = handler.path.partition("?")[0].rpartition("/")[2].partition(":")
        if not mark:
            if handler.path.endswith("/embeddings"):
                return _send(handler, 200, vectors(body))
            return super().answer(handler, body)
        if "error-429" in model:
            return _send(handler, 429, _LIMIT)
        if method == "countTokens":
            return _send(handler, 200, {"totalTokens": 4321})
        if method == "batchEmbedContents":
            return _send(handler, 200, {"embeddings": [{"values": [0.5, 0.25]} for _ in body["requests"]]})
        answers = google_answers(google_plan(body), model)
        if method == "generateContent":
            return _send(handler, 200, whole(answers))
        return _stream(handler, [f"data: {json.dumps(answer)}\r\n\r\n".encode() for answer in answers], None)


def vectors(body: dict[str, Any]) -> dict[str, Any]:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    data = [{"object": "embedding", "index": index, "embedding": [0.5, 0.25]} for index, _ in enumerate(texts)]
    return {"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 2, "total_tokens": 2}}


def google_plan(body: dict[str, Any]) -> Play:
    parts = body["contents"][-1]["parts"]
    results = [part["functionResponse"]["response"] for part in parts if "functionResponse" in part]
    if results:
        return Play(f"The tool printed: {json.dumps(results[0])}")
    if "TOOLTEST" in json.dumps(parts) and body.get("tools"):
        return Play("I use a tool.", (body["tools"][0]["functionDeclarations"][0]["name"], {"city": "Paris"}))
    return Play(REPLY)


def google_answers(play: Play, model: str) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"text": play.text[at : at + 8]} for at in range(0, len(play.text), 8)]
    if play.tool:
        function = {"name": play.tool[0], "args": play.tool[1]}
        parts.append({"functionCall": function, "thoughtSignature": SIGNATURE})
    usage = {"promptTokenCount": 1500, "candidatesTokenCount": 21, "totalTokenCount": 1521}
    answers = [
        {
            "candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}],
            "usageMetadata": usage,
            "modelVersion": model,
            "responseId": "scripted",
        }
        for part in parts
    ]
    answers[-1]["candidates"][0]["finishReason"] = "STOP"  # type: ignore[index]
    return answers


def whole(answers: list[dict[str, Any]]) -> dict[str, Any]:
    parts = [part for answer in answers for part in answer["candidates"][0]["content"]["parts"]]
    texts = "".join(part["text"] for part in parts if "text" in part)
    calls = [part for part in parts if "text" not in part]
    content = {"parts": [{"text": texts}, *calls], "role": "model"}
    return {**answers[-1], "candidates": [{**answers[-1]["candidates"][0], "content": content}]}
