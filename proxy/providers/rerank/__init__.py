"""Rerank: every provider that serves it, by name, and how it is asked."""

from collections.abc import Mapping

from proxy.domain.operations import RERANK
from proxy.providers.contract import Form
from proxy.providers.rerank import bedrock, deepinfra, nvidia, text_embeddings_inference, vertex_ai
from proxy.providers.rerank.cohere_form import ROWS, build_form

_FORMS: Mapping[str, Form] = {name: build_form(name, row) for name, row in ROWS.items()} | {
    "bedrock": Form(RERANK, bedrock.build_request, bedrock.parse_response, bedrock.SUPPORTED),
    "deepinfra": Form(RERANK, deepinfra.build_request, deepinfra.parse_response, deepinfra.SUPPORTED),
    "huggingface": Form(
        RERANK,
        text_embeddings_inference.build_request,
        text_embeddings_inference.parse_response,
        text_embeddings_inference.SUPPORTED,
    ),
    "nvidia_nim": Form(RERANK, nvidia.build_request, nvidia.parse_response, nvidia.SUPPORTED),
    "vertex_ai": Form(RERANK, vertex_ai.build_request, vertex_ai.parse_response, vertex_ai.SUPPORTED),
}
FORMS: Mapping[str, tuple[Form, ...]] = {name: (form,) for name, form in _FORMS.items()}
