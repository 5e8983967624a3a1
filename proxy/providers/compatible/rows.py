"""The providers with OpenAI's format: a row each. `{name}` in a base URL is a connection parameter."""

from collections.abc import Mapping

from proxy.domain.operations import CHAT, COMPLETIONS, EMBEDDINGS, MODERATIONS, OPERATIONS
from proxy.providers.compatible.embeddings_only import ask_voyage, count_prompt
from proxy.providers.compatible.openai import Compatible
from proxy.providers.compatible.strict_messages import GATEWAY_MEMBERS

_EMBEDDINGS_ONLY = (EMBEDDINGS,)
# The fake provider serves every operation whose row has an answer for it.
_MOCKED = tuple(operation for operation in OPERATIONS.values() if operation.mock is not None)
_UNDER_V1 = {operation.name: f"v1/{operation.path}" for operation in (CHAT, COMPLETIONS, EMBEDDINGS)}

# Providers that take the limit of an answer by its older name only.
_OLD_LIMIT = {"max_completion_tokens": "max_tokens"}

# name: base URL, variables of the key, variables of the base URL, what is different.
ROWS: Mapping[str, Compatible] = {
    "mock": Compatible("mock://local/v1", default_key="", operations=_MOCKED),
    "abliteration": Compatible("https://api.abliteration.ai/v1", ("ABLITERATION_API_KEY",)),
    "ai21_chat": Compatible("https://api.ai21.com/studio/v1", ("AI21_API_KEY",), ("AI21_API_BASE",), rename=_OLD_LIMIT),
    "aihubmix": Compatible("https://aihubmix.com/v1", ("AIHUBMIX_API_KEY",), ("AIHUBMIX_API_BASE",)),
    "aiml": Compatible("https://api.aimlapi.com/v1", ("AIML_API_KEY",), ("AIML_API_BASE",)),
    "aiohttp_openai": Compatible("https://api.openai.com/v1", ("OPENAI_API_KEY",), roles={}, answer=None, chunk=None),
    "amazon_nova": Compatible("https://api.nova.amazon.com/v1", ("AMAZON_NOVA_API_KEY",), ("AMAZON_NOVA_API_BASE",)),
    "anyscale": Compatible("https://api.endpoints.anyscale.com/v1", ("ANYSCALE_API_KEY",), ("ANYSCALE_API_BASE",)),
    "apertis": Compatible("https://api.stima.tech/v1", ("STIMA_API_KEY",)),
    "assemblyai": Compatible("https://llm-gateway.assemblyai.com/v1", ("ASSEMBLYAI_API_KEY",)),
    "baseten": Compatible("https://inference.baseten.co/v1", ("BASETEN_API_KEY",)),
    "bedrock_mantle": Compatible(
        "https://bedrock-mantle.{aws_region_name}.api.aws/v1",
        ("BEDROCK_MANTLE_API_KEY", "AWS_BEARER_TOKEN_BEDROCK"),
        ("BEDROCK_MANTLE_API_BASE",),
        variables={"aws_region_name": ("AWS_REGION_NAME", "AWS_REGION")},
    ),
    "cerebras": Compatible(
        "https://api.cerebras.ai/v1",
        ("CEREBRAS_API_KEY",),
        ("CEREBRAS_API_BASE",),
        members=GATEWAY_MEMBERS | {"reasoning_content": "reasoning", "reasoning_details": None},
        operations=(CHAT, COMPLETIONS),
    ),
    "charity_engine": Compatible(
        "https://api.charityengine.services/remotejobs/v2/inference", ("CHARITY_ENGINE_API_KEY",)
    ),
    "chutes": Compatible("https://llm.chutes.ai/v1", ("CHUTES_API_KEY",)),
    "clarifai": Compatible("https://api.clarifai.com/v2/ext/openai/v1", ("CLARIFAI_API_KEY",)),
    "cloudflare": Compatible(
        "https://api.cloudflare.com/client/v4/accounts/{account_id}/ai/v1",
        ("CLOUDFLARE_API_KEY",),
        ("CLOUDFLARE_API_BASE",),
        variables={"account_id": ("CLOUDFLARE_ACCOUNT_ID",)},
    ),
    "cognition": Compatible("https://api.cognition.ai/v1", ("COGNITION_API_KEY",), ("COGNITION_API_BASE",)),
    "cometapi": Compatible("https://api.cometapi.com/v1", ("COMETAPI_KEY", "COMETAPI_API_KEY"), ("COMETAPI_API_BASE",)),
    "compactifai": Compatible("https://api.compactif.ai/v1", ("COMPACTIFAI_API_KEY",)),
    "cortecs": Compatible("https://api.cortecs.ai/v1", ("CORTECS_API_KEY",), ("CORTECS_API_BASE",)),
    "crusoe": Compatible(
        "https://managed-inference-api-proxy.crusoecloud.com/v1", ("CRUSOE_API_KEY",), ("CRUSOE_API_BASE",)
    ),
    "custom_openai": Compatible(None, ("OPENAI_API_KEY",), default_key="", roles={}),
    "darkbloom": Compatible("https://api.darkbloom.dev/v1", ("DARKBLOOM_API_KEY",), ("DARKBLOOM_API_BASE",)),
    "dashscope": Compatible(
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        ("DASHSCOPE_API_KEY",),
        ("DASHSCOPE_API_BASE",),
        rename=_OLD_LIMIT,
    ),
    "datarobot": Compatible(
        "https://app.datarobot.com/api/v2/genai/llmgw",
        ("DATAROBOT_API_TOKEN",),
        ("DATAROBOT_ENDPOINT",),
        operations=(CHAT,),
    ),
    "deepinfra": Compatible(
        "https://api.deepinfra.com/v1/openai", ("DEEPINFRA_API_KEY",), ("DEEPINFRA_API_BASE",), rename=_OLD_LIMIT
    ),
    "deepgram": Compatible("https://api.deepgram.com/v1", ("DEEPGRAM_API_KEY",), ("DEEPGRAM_API_BASE",), operations=()),
    "docker_model_runner": Compatible(
        "http://localhost:22088/engines/llama.cpp",
        ("DOCKER_MODEL_RUNNER_API_KEY",),
        ("DOCKER_MODEL_RUNNER_API_BASE",),
        default_key="",
        paths=_UNDER_V1,
    ),
    "edenai": Compatible("https://api.edenai.run/v3", ("EDENAI_API_KEY",), ("EDENAI_API_BASE",)),
    "elevenlabs": Compatible(
        "https://api.elevenlabs.io/v1", ("ELEVENLABS_API_KEY",), ("ELEVENLABS_API_BASE",), operations=()
    ),
    "empiriolabs": Compatible("https://api.empiriolabs.ai/v1", ("EMPIRIOLABS_API_KEY",), ("EMPIRIOLABS_API_BASE",)),
    "empower": Compatible("https://app.empower.dev/api/v1", ("EMPOWER_API_KEY",), ("EMPOWER_API_BASE",)),
    "featherless_ai": Compatible(
        "https://api.featherless.ai/v1",
        ("FEATHERLESS_AI_API_KEY", "FEATHERLESS_API_KEY"),
        ("FEATHERLESS_AI_API_BASE", "FEATHERLESS_API_BASE"),
        rename=_OLD_LIMIT,
    ),
    "fireworks_ai": Compatible(
        "https://api.fireworks.ai/inference/v1",
        ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
        ("FIREWORKS_API_BASE",),
        rename=_OLD_LIMIT,
        model_prefix="accounts/fireworks/models/",
    ),
    "friendliai": Compatible(
        "https://api.friendli.ai/serverless/v1",
        ("FRIENDLIAI_API_KEY", "FRIENDLI_TOKEN"),
        ("FRIENDLI_API_BASE",),
        rename=_OLD_LIMIT,
    ),
    "galadriel": Compatible("https://api.galadriel.com/v1", ("GALADRIEL_API_KEY",), ("GALADRIEL_API_BASE",)),
    "github": Compatible("https://models.inference.ai.azure.com", ("GITHUB_API_KEY",), ("GITHUB_API_BASE",)),
    "gmi": Compatible("https://api.gmi-serving.com/v1", ("GMI_API_KEY",)),
    "gradient_ai": Compatible("https://inference.do-ai.run", ("GRADIENT_AI_API_KEY",), paths=_UNDER_V1),
    "helicone": Compatible("https://ai-gateway.helicone.ai", ("HELICONE_API_KEY",)),
    "heroku": Compatible(None, ("HEROKU_API_KEY",), ("HEROKU_API_BASE",)),
    "hosted_vllm": Compatible(None, ("HOSTED_VLLM_API_KEY",), ("HOSTED_VLLM_API_BASE",), default_key="fake-api-key"),
    "hyperbolic": Compatible(
        "https://api.hyperbolic.xyz/v1", ("HYPERBOLIC_API_KEY",), ("HYPERBOLIC_API_BASE",), rename=_OLD_LIMIT
    ),
    "inception": Compatible("https://api.inceptionlabs.ai/v1", ("INCEPTION_API_KEY",), ("INCEPTION_API_BASE",)),
    "infinity": Compatible(None, ("INFINITY_API_KEY",), default_key="", operations=_EMBEDDINGS_ONLY),
    "jina_ai": Compatible(
        "https://api.jina.ai/v1",
        ("JINA_AI_API_KEY", "JINA_API_KEY", "JINA_AI_TOKEN"),
        ("JINA_AI_API_BASE",),
        operations=_EMBEDDINGS_ONLY,
        rename={"encoding_format": "embedding_type"},
        answer=count_prompt,
    ),
    "lambda_ai": Compatible("https://api.lambda.ai/v1", ("LAMBDA_API_KEY",), ("LAMBDA_API_BASE",), rename=_OLD_LIMIT),
    "lemonade": Compatible(
        "http://localhost:8000/api/v1", ("LEMONADE_API_KEY",), ("LEMONADE_API_BASE",), default_key=""
    ),
    "libertai": Compatible("https://api.libertai.io/v1", ("LIBERTAI_API_KEY",), ("LIBERTAI_API_BASE",)),
    "litellm_proxy": Compatible(
        None,
        ("LITELLM_PROXY_API_KEY",),
        ("LITELLM_PROXY_API_BASE",),
        default_key="",
        operations=(CHAT, COMPLETIONS, EMBEDDINGS, MODERATIONS),
        roles={},
        members={},
    ),
    "llamafile": Compatible(
        "http://127.0.0.1:8080/v1", ("LLAMAFILE_API_KEY",), ("LLAMAFILE_API_BASE",), default_key="fake-api-key"
    ),
    "llamagate": Compatible("https://api.llamagate.dev/v1", ("LLAMAGATE_API_KEY",)),
    "lm_studio": Compatible(None, ("LM_STUDIO_API_KEY",), ("LM_STUDIO_API_BASE",), default_key="fake-api-key"),
    "maritalk": Compatible(
        "https://chat.maritaca.ai/api", ("MARITALK_API_KEY",), ("MARITALK_API_BASE",), rename=_OLD_LIMIT
    ),
    "meta": Compatible("https://api.meta.ai/v1", ("META_API_KEY",), ("META_API_BASE",)),
    "meta_llama": Compatible("https://api.llama.com/compat/v1", ("LLAMA_API_KEY",), ("LLAMA_API_BASE",)),
    "minimax": Compatible("https://api.minimax.io/v1", ("MINIMAX_API_KEY",), ("MINIMAX_API_BASE",)),
    "modelscope": Compatible(
        "https://api-inference.modelscope.cn/v1", ("MODELSCOPE_API_KEY",), ("MODELSCOPE_API_BASE",)
    ),
    "moonshot": Compatible("https://api.moonshot.ai/v1", ("MOONSHOT_API_KEY",), ("MOONSHOT_API_BASE",)),
    "morph": Compatible("https://api.morphllm.com/v1", ("MORPH_API_KEY",), ("MORPH_API_BASE",)),
    "nadir": Compatible("https://api.getnadir.com/v1", ("NADIR_API_KEY",), ("NADIR_API_BASE",)),
    "nano-gpt": Compatible("https://nano-gpt.com/api/v1", ("NANOGPT_API_KEY",)),
    "nebius": Compatible("https://api.studio.nebius.ai/v1", ("NEBIUS_API_KEY",), ("NEBIUS_API_BASE",)),
    "neosantara": Compatible("https://api.neosantara.xyz/v1", ("NEOSANTARA_API_KEY",), ("NEOSANTARA_API_BASE",)),
    "novita": Compatible(
        "https://api.novita.ai/v3/openai", ("NOVITA_API_KEY",), ("NOVITA_API_BASE",), rename=_OLD_LIMIT
    ),
    "nscale": Compatible(
        "https://inference.api.nscale.com/v1", ("NSCALE_API_KEY",), ("NSCALE_API_BASE",), rename=_OLD_LIMIT
    ),
    "nvidia_nim": Compatible(
        "https://integrate.api.nvidia.com/v1", ("NVIDIA_NIM_API_KEY",), ("NVIDIA_NIM_API_BASE",), rename=_OLD_LIMIT
    ),
    "oobabooga": Compatible(None, ("OOBABOOGA_API_KEY",), default_key=""),
    "openai_like": Compatible(None, ("OPENAI_LIKE_API_KEY",), ("OPENAI_LIKE_API_BASE",), default_key="", roles={}),
    "ovhcloud": Compatible(
        "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1", ("OVHCLOUD_API_KEY",), ("OVHCLOUD_API_BASE",)
    ),
    "parasail": Compatible("https://api.parasail.io/v1", ("PARASAIL_API_KEY",), ("PARASAIL_API_BASE",)),
    "pinstripes": Compatible("https://pinstripes.io/v1", ("PINSTRIPES_API_KEY",), ("PINSTRIPES_API_BASE",)),
    "poe": Compatible("https://api.poe.com/v1", ("POE_API_KEY",)),
    "prism": Compatible("https://api.prisminference.com/v1", ("PRISM_API_KEY",), ("PRISM_API_BASE",)),
    "publicai": Compatible("https://api.publicai.co/v1", ("PUBLICAI_API_KEY",), ("PUBLICAI_API_BASE",)),
    "qwen_ai_platform": Compatible(
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        ("QWEN_AI_PLATFORM_API_KEY", "DASHSCOPE_API_KEY"),
        ("QWEN_AI_PLATFORM_API_BASE",),
        rename=_OLD_LIMIT,
    ),
    "qwencloud": Compatible(
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        ("QWENCLOUD_API_KEY", "DASHSCOPE_API_KEY"),
        ("QWENCLOUD_API_BASE",),
        rename=_OLD_LIMIT,
    ),
    "recraft": Compatible("https://external.api.recraft.ai/v1", ("RECRAFT_API_KEY",), operations=()),
    "reka": Compatible("https://api.reka.ai/v1", ("REKA_API_KEY",), ("REKA_API_BASE",)),
    "sail": Compatible("https://api.sailresearch.com/v1", ("SAIL_API_KEY",), ("SAIL_API_BASE",)),
    "sambanova": Compatible(
        "https://api.sambanova.ai/v1", ("SAMBANOVA_API_KEY",), ("SAMBANOVA_API_BASE",), rename=_OLD_LIMIT
    ),
    "sarvam": Compatible("https://api.sarvam.ai/v1", ("SARVAM_API_KEY",)),
    "scaleway": Compatible("https://api.scaleway.ai/v1", ("SCW_SECRET_KEY",)),
    "scx-ai": Compatible("https://api.scx.ai/v1", ("SCX_API_KEY",), ("SCX_API_BASE",)),
    "snowflake": Compatible(
        "https://{account_id}.snowflakecomputing.com/api/v2/cortex/v1",
        ("SNOWFLAKE_JWT",),
        ("SNOWFLAKE_API_BASE",),
        variables={"account_id": ("SNOWFLAKE_ACCOUNT_ID",)},
        rename=_OLD_LIMIT,
    ),
    "synthetic": Compatible("https://api.synthetic.new/openai/v1", ("SYNTHETIC_API_KEY",)),
    "tencent": Compatible("https://tokenhub-intl.tencentcloudmaas.com/v1", ("TENCENT_API_KEY",), ("TENCENT_API_BASE",)),
    "tensormesh": Compatible(
        "https://serverless.tensormesh.ai/v1", ("TENSORMESH_INFERENCE_API_KEY",), ("TENSORMESH_SERVERLESS_BASE_URL",)
    ),
    "text-completion-openai": Compatible(
        "https://api.openai.com/v1",
        ("OPENAI_API_KEY",),
        ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
        operations=(COMPLETIONS,),
    ),
    "together_ai": Compatible(
        "https://api.together.ai/v1",
        ("TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN"),
        ("TOGETHER_AI_API_BASE",),
        rename=_OLD_LIMIT,
    ),
    "v0": Compatible("https://api.v0.dev/v1", ("V0_API_KEY",), ("V0_API_BASE",)),
    "veniceai": Compatible("https://api.venice.ai/api/v1", ("VENICE_AI_API_KEY",)),
    "vercel_ai_gateway": Compatible(
        "https://ai-gateway.vercel.sh/v1",
        ("VERCEL_AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN"),
        ("VERCEL_AI_GATEWAY_API_BASE",),
    ),
    "volcengine": Compatible(
        "https://ark.cn-beijing.volces.com/api/v3", ("VOLCENGINE_API_KEY",), ("VOLCENGINE_API_BASE",)
    ),
    "voyage": Compatible(
        "https://api.voyageai.com/v1",
        ("VOYAGE_API_KEY",),
        operations=_EMBEDDINGS_ONLY,
        rename={"dimensions": "output_dimension"},
        ask=ask_voyage,
        answer=count_prompt,
    ),
    "wandb": Compatible("https://api.inference.wandb.ai/v1", ("WANDB_API_KEY",), ("WANDB_API_BASE",)),
    "xiaomi_mimo": Compatible("https://api.xiaomimimo.com/v1", ("XIAOMI_MIMO_API_KEY",)),
    "xinference": Compatible(
        "http://127.0.0.1:9997/v1",
        ("XINFERENCE_API_KEY",),
        ("XINFERENCE_API_BASE",),
        default_key="",
        operations=_EMBEDDINGS_ONLY,
    ),
    "zai": Compatible("https://api.z.ai/api/paas/v4", ("ZAI_API_KEY",), ("ZAI_API_BASE",)),
    "deepseek": Compatible(
        "https://api.deepseek.com/beta", ("DEEPSEEK_API_KEY",), ("DEEPSEEK_API_BASE",), rename=_OLD_LIMIT
    ),
}
