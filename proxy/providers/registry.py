"""Every provider by its name, the first segment of `litellm_params.model`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from proxy.domain.deployment import Deployment
from proxy.providers import anthropic, bedrock, cohere, gemini, media, ollama, rerank, sagemaker, vertex_ai, watsonx
from proxy.providers.azure import claude as azure_claude
from proxy.providers.azure import openai as azure
from proxy.providers.compatible import databricks, groq, huggingface, mistral, openai, openrouter, perplexity, xai
from proxy.providers.compatible.messages import with_messages
from proxy.providers.compatible.openai import build_provider
from proxy.providers.compatible.rows import ROWS
from proxy.providers.contract import Form, Provider, with_forms
from proxy.providers.responses.chat import with_chat_at_responses
from proxy.providers.responses.native import with_responses

# Those with a file of their own, by name.
TRANSLATED: Mapping[str, Provider] = {
    "anthropic": anthropic.PROVIDER,
    "azure": azure.PROVIDER,
    "azure_ai": azure_claude.PROVIDER,
    "bedrock": bedrock.PROVIDER,
    "codestral": mistral.CODESTRAL,
    "cohere": cohere.PROVIDER,
    "cohere_chat": cohere.CHAT_PROVIDER,
    "databricks": databricks.PROVIDER,
    "gemini": gemini.PROVIDER,
    "groq": groq.PROVIDER,
    "huggingface": huggingface.PROVIDER,
    "mistral": mistral.PROVIDER,
    "ollama": ollama.PROVIDER,
    "ollama_chat": ollama.CHAT_PROVIDER,
    "openai": openai.PROVIDER,
    "openrouter": openrouter.PROVIDER,
    "perplexity": perplexity.PROVIDER,
    "sagemaker_chat": sagemaker.PROVIDER,
    "vertex_ai": vertex_ai.PROVIDER,
    "vertex_ai_beta": vertex_ai.BETA,
    "watsonx": watsonx.PROVIDER,
    "xai": xai.PROVIDER,
}

# By provider, the forms of the operations that are not chat's kin.
_FORMS: tuple[Mapping[str, tuple[Form, ...]], ...] = (rerank.FORMS, media.FORMS)


def _complete(name: str, provider: Provider) -> Provider:
    """The provider in all forms that it has."""
    whole = with_chat_at_responses(with_responses(with_messages(provider)))
    return with_forms(whole, [form for forms in _FORMS for form in forms.get(name, ())])


PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        name: _complete(name, provider)
        for name, provider in (
            {name: build_provider(name, row) for name, row in ROWS.items()} | dict(TRANSLATED)
        ).items()
    }
)


def find_provider(name: str) -> Provider | None:
    """The provider of that name; None if there is none."""
    return PROVIDERS.get(name)


def shown_base(deployment: Deployment, find: Callable[[str], Provider | None] = find_provider) -> str | None:
    """Where a deployment is, without credentials: its own base URL, else its provider's."""
    provider = None if deployment.shown_base else find(deployment.provider)
    return provider.base_url if provider else deployment.shown_base
