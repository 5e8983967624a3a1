"""A bare Flask view that answers the small chat by itself: what Flask and gunicorn cost without any gateway in them."""

from flask import Flask, Response, request

from bench.upstream import SMALL_ANSWER

app = Flask("floor")


@app.get("/")
@app.post("/v1/chat/completions")
def answer() -> Response:
    request.get_data()
    return Response(SMALL_ANSWER, content_type="application/json")
