"""Compares our cost with LiteLLM's cost function over random usages; run by an interpreter that has litellm and orjson.

    PYTHONPATH=. PYTHON_WITH_LITELLM bench/cost_peer.py PUBLIC_PRICE_FILE [COUNT] [SEED]

Both read the same public price file. Prints each difference above 1e-9 USD, and exits 1 if there is one that
`explanation` does not name.
"""

import json
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
from litellm.types.utils import CompletionTokensDetailsWrapper, PromptTokensDetailsWrapper
from litellm.types.utils import Usage as PeerUsage

from proxy.accounting.cost import compute_cost
from proxy.accounting.prices import load_public
from proxy.domain.deployment import Deployment
from proxy.domain.usage import Usage

PROVIDERS = (
    "openai", "anthropic", "gemini", "azure", "groq", "mistral", "deepseek", "xai", "together_ai", "fireworks_ai",
    "bedrock_converse", "bedrock", "vertex_ai-language-models", "vertex_ai-anthropic_models", "cohere_chat",
    "perplexity", "openrouter", "dashscope", "deepinfra", "novita",
)  # fmt: skip
MODES = ("chat", "completion", "embedding", "responses")


def explanation(public_row: dict[str, object], usage: Usage, tier: str | None) -> str | None:
    """Why the two may differ here (docs/differences.md); None where they must not."""
    provider = public_row["litellm_provider"]
    if provider == "perplexity":
        return "the peer ignores cached, written and audio tokens"
    if provider == "fireworks_ai" and tier is not None:
        return "the peer ignores the service tier"
    if usage.prompt_audio_tokens and f"input_cost_per_audio_token_{tier}" in public_row:
        return "the peer ignores a service tier's own audio price"
    return None


def random_usage(dice: random.Random) -> Usage:
    prompt = dice.choice([dice.randint(0, 5_000), dice.randint(100_000, 700_000)])
    completion = dice.randint(0, 20_000)
    cached = dice.randint(0, prompt // 3) if dice.random() < 0.5 else 0
    written = dice.randint(0, prompt // 3) if dice.random() < 0.4 else 0
    hourly = dice.randint(0, written) if dice.random() < 0.5 else 0
    heard = dice.randint(0, prompt // 4) if dice.random() < 0.2 else 0
    spoken = dice.randint(0, completion // 3) if dice.random() < 0.2 else 0
    thought = dice.randint(0, completion // 2) if dice.random() < 0.4 else 0
    return Usage(prompt, completion, prompt + completion, cached, written, hourly, thought, heard, spoken)


def peer_usage(usage: Usage) -> PeerUsage:
    written = usage.cache_write_tokens
    prompt = PromptTokensDetailsWrapper(
        cached_tokens=usage.cached_tokens,
        audio_tokens=usage.prompt_audio_tokens,
        cache_creation_tokens=written,
        cache_creation_token_details={
            "ephemeral_5m_input_tokens": written - usage.cache_write_1h_tokens,
            "ephemeral_1h_input_tokens": usage.cache_write_1h_tokens,
        },
    )
    completion = CompletionTokensDetailsWrapper(
        reasoning_tokens=usage.reasoning_tokens, audio_tokens=usage.completion_audio_tokens
    )
    return PeerUsage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
        prompt_tokens_details=prompt,
        completion_tokens_details=completion,
        cache_read_input_tokens=usage.cached_tokens,
        cache_creation_input_tokens=written,
    )


def main(arguments: list[str]) -> int:
    path, count, seed = Path(arguments[0]), int((arguments[1:2] or ["500"])[0]), int((arguments[2:3] or ["1"])[0])
    public = json.loads(path.read_text())
    litellm.model_cost = public
    litellm.add_known_models()
    table, dice = load_public(path), random.Random(seed)
    names = [
        name for name, row in public.items()
        if row.get("litellm_provider") in PROVIDERS and row.get("mode") in MODES and table.row(name) is not None
    ]  # fmt: skip
    equal, refused, explained = 0, 0, Counter[str | None]()
    for _ in range(count):
        name = dice.choice(names)
        provider = public[name]["litellm_provider"]
        usage = random_usage(dice)
        tier = dice.choice([None, None, None, "priority", "flex"])
        ours = compute_cost(usage, Deployment("d", "g", provider, name), table, service_tier=tier, at=time.time())
        try:
            peer = litellm.cost_per_token(
                model=name, custom_llm_provider=provider, usage_object=peer_usage(usage), service_tier=tier
            )
        except Exception as error:  # noqa: BLE001  the peer's own refusals are counted, whatever they are
            refused += 1
            print(f"peer refuses {name}: {type(error).__name__} {str(error)[:100]}")
            continue
        difference = (ours.input + ours.output if ours else 0.0) - sum(peer)
        if abs(difference) <= 1e-9:
            equal += 1
            continue
        reason = explanation(public[name], usage, tier)
        explained[reason] += 1
        if reason is None:
            print(f"{name} [{provider}] tier={tier} {usage} ours={ours and (ours.input, ours.output)} peer={peer}")
    wrong = explained.pop(None, 0)
    for reason, number in explained.items():
        print(f"{number} differ: {reason}")
    print(f"{equal} equal, {wrong} unexplained, {refused} refused by the peer, of {count}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
