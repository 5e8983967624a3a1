"""Which provider a model means."""

import pytest

from proxy.settings.provider_choice import UnknownProviderError, choose_provider
from tests.settings.fakes import PROVIDERS


@pytest.mark.parametrize(
    ("model", "custom", "api_base", "choice"),
    [
        ("groq/llama3-8b", None, None, ("groq", "llama3-8b")),
        ("openai/meta/llama", None, None, ("openai", "meta/llama")),
        ("azure/gpt-4o", None, "https://x.openai.azure.com", ("azure", "gpt-4o")),
        ("openai/*", None, None, ("openai", "*")),
        ("azure/", None, "https://x.openai.azure.com", ("azure", "")),
        ("llama3-8b", "groq", None, ("groq", "llama3-8b")),
        ("groq/llama3-8b", "groq", None, ("groq", "llama3-8b")),
        ("openai/gpt-oss-20b", "groq", None, ("groq", "openai/gpt-oss-20b")),
        ("azure/*", "azure", None, ("azure", "*")),
        ("llama3-8b", None, "https://api.groq.com/openai/v1", ("groq", "llama3-8b")),
        ("meta-llama/llama3", None, "https://api.groq.com/openai/v1/", ("groq", "meta-llama/llama3")),
        ("gpt-4o", None, None, ("openai", "gpt-4o")),
        ("o1", None, None, ("openai", "o1")),
        ("o3-mini", None, None, ("openai", "o3-mini")),
        ("text-embedding-3-small", None, None, ("openai", "text-embedding-3-small")),
        ("omni-moderation-latest", None, None, ("openai", "omni-moderation-latest")),
        ("whisper-1", None, None, ("openai", "whisper-1")),
        ("ft:gpt-3.5-turbo:my-org::id", None, None, ("openai", "ft:gpt-3.5-turbo:my-org::id")),
        ("claude-sonnet-4", None, None, ("anthropic", "claude-sonnet-4")),
        (
            "anthropic.claude-3-5-sonnet-20241022-v2:0",
            None,
            None,
            ("bedrock", "anthropic.claude-3-5-sonnet-20241022-v2:0"),
        ),
        ("us.amazon.nova-pro-v1:0", None, None, ("bedrock", "us.amazon.nova-pro-v1:0")),
        ("my-model", None, "http://127.0.0.1:8000/v1", ("openai", "my-model")),
    ],
)
def test_provider_is_chosen_when_something_says_it(
    model: str, custom: str | None, api_base: str | None, choice: tuple[str, str]
) -> None:
    assert choose_provider(model, custom, api_base, PROVIDERS) == choice


@pytest.mark.parametrize(
    ("model", "custom", "api_base", "message"),
    [
        ("my-model", None, None, "write provider/my-model, such as openai/my-model"),
        ("grok/x", None, None, "there is no provider 'grok'"),
        ("replicate/x", None, "https://api.example.com", "write openai/replicate/x"),
        ("x", "bogus", None, "there is no provider 'bogus'"),
        ("command-r", None, None, "names no provider"),
        ("/x", None, None, "no provider"),
        ("gpt-oss-proxy/llama", None, None, "there is no provider 'gpt-oss-proxy'"),
        ("claude-agent-sdk/sonnet", None, None, "there is no provider 'claude-agent-sdk'"),
        ("whisper-local/large", None, "http://127.0.0.1:8000/v1", "there is no provider 'whisper-local'"),
        ("gemini-x/gpt-4o", None, None, "there is no provider 'gemini-x'"),
    ],
)
def test_remedy_is_told_when_nothing_says_the_provider(
    model: str, custom: str | None, api_base: str | None, message: str
) -> None:
    with pytest.raises(UnknownProviderError) as caught:
        choose_provider(model, custom, api_base, PROVIDERS)
    assert message in str(caught.value)
