"""Where the routes are: with and without their prefixes, and what a browser at the base URL sees."""

import pytest
from flask.testing import FlaskClient

from app import create_app

MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.fixture
def client() -> FlaskClient:
    return create_app(environ={}).test_client()


@pytest.mark.parametrize(
    "path",
    [
        "/chat/completions",
        "/chat/completions/",
        "/v1/chat/completions",
        "/v1/chat/completions/",
        "/openai/v1/chat/completions",
        "/openai/deployments/demo/chat/completions",
        "/engines/demo/chat/completions",
    ],
)
def test_chat_answers_when_the_client_writes_the_path_its_own_way(client: FlaskClient, path: str) -> None:
    response = client.post(path, json={"model": "demo", "messages": MESSAGES})
    assert response.status_code == 200
    assert response.get_json()["choices"]


@pytest.mark.parametrize("path", ["/v2/models", "/v1/../models", "/openai/models/x", "/models/"])
def test_other_paths_are_404_with_an_error_object_unless_only_a_slash_is_too_many(
    client: FlaskClient, path: str
) -> None:
    response = client.get(path)
    assert response.status_code == (200 if path == "/models/" else 404)
    assert ("error" in response.get_json()) is (response.status_code == 404)


def test_base_url_tells_what_is_here_without_a_key() -> None:
    response = create_app(environ={"LITELLM_MASTER_KEY": "sk-k"}).test_client().get("/")
    assert response.status_code == 200
    assert response.get_json()["name"] == "Patchbay"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/chat/completions", {"model": "gpt-3.5-turbo", "messages": MESSAGES}),
        ("/chat/completions", {"model": "gpt-3.5-turbo,llama3", "messages": MESSAGES}),
        ("/embeddings", {"model": "text-embedding-ada-002", "input": ["hello from litellm"]}),
        ("/moderations", {"model": "text-moderation-stable", "input": "hello from litellm"}),
        ("/moderations", {"input": "hello from litellm"}),
    ],
)
def test_names_of_the_pages_examples_are_the_demo_when_there_is_no_key(
    client: FlaskClient, path: str, body: dict[str, object]
) -> None:
    assert client.post(path, json=body).status_code == 200
