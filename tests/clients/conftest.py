"""A gateway in front of the fake provider, once for each worker class."""

from collections.abc import Iterator

import openai
import pytest

from tests.live.servers import WORKER_CLASSES, Server, gateway, mock_provider

MASTER_KEY = "sk-page-1234567890"


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with mock_provider(tmp_path_factory.mktemp("mock")) as server:
        yield server


def page_config(upstream: Server) -> dict[str, object]:
    """The models that the page names, all served by the fake provider."""

    def deployment(name: str, model: str) -> dict[str, object]:
        return {
            "model_name": name,
            "litellm_params": {"model": model, "api_key": "sk-operator-secret", "api_base": f"{upstream.url}/v1"},
        }

    return {
        "model_list": [
            deployment("gpt-3.5-turbo", "openai/gpt-3.5-turbo-0125"),
            deployment("llama3", "groq/llama3-8b-8192"),
            deployment("text-embedding-ada-002", "openai/text-embedding-ada-002"),
            deployment("text-moderation-stable", "openai/text-moderation-007"),
            deployment("gpt-4", "openai/gpt-4"),
            deployment("broken", "openai/fail-500"),
            deployment("limited", "openai/fail-429"),
            deployment("slow", "openai/slow-3000"),
            deployment("*", "openai/*"),
        ],
        "general_settings": {"master_key": MASTER_KEY},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        "litellm_settings": {"provider_url_destination_allowed_hosts": [f"127.0.0.1:{upstream.port}"]},
    }


@pytest.fixture(scope="session", params=WORKER_CLASSES)
def server(
    request: pytest.FixtureRequest, upstream: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with gateway(page_config(upstream), tmp_path_factory.mktemp("gateway"), worker_class=request.param) as running:
        yield running


@pytest.fixture
def client(server: Server) -> openai.OpenAI:
    return openai.OpenAI(api_key=MASTER_KEY, base_url=server.url, max_retries=0, timeout=20)
