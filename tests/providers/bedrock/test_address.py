"""Where a request goes, and what family its model is of."""

from urllib.parse import urlsplit

import pytest

from proxy.errors import (
    BadRequestError,
)
from proxy.providers.bedrock import PROVIDER
from proxy.providers.bedrock.models import read_family
from tests.providers.bedrock.asking import CLAUDE, HELLO, call, deployment


@pytest.mark.parametrize(
    ("model", "url"),
    [
        (
            CLAUDE,
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse",
        ),
        (
            "converse/amazon.nova-micro-v1:0",
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-micro-v1%3A0/converse",
        ),
        ("eu-west-3/mistral.large", "https://bedrock-runtime.eu-west-3.amazonaws.com/model/mistral.large/converse"),
        (
            "converse/us-gov-west-1/meta.llama",
            "https://bedrock-runtime.us-gov-west-1.amazonaws.com/model/meta.llama/converse",
        ),
        ("cn-north-1/a.b", "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/model/a.b/converse"),
        (
            "arn:aws:bedrock:ap-south-1:123456789012:application-inference-profile/abc",
            "https://bedrock-runtime.ap-south-1.amazonaws.com/model/"
            "arn%3Aaws%3Abedrock%3Aap-south-1%3A123456789012%3Aapplication-inference-profile%2Fabc/converse",
        ),
    ],
)
def test_url_names_region_and_model_when_the_model_is_spelled_in_any_form(model: str, url: str) -> None:
    assert PROVIDER.build_request(call(messages=HELLO), deployment(model)).url == url


@pytest.mark.parametrize("name", ["api_base", "aws_bedrock_runtime_endpoint"])
def test_path_stays_when_the_endpoint_is_another(name: str) -> None:
    there = deployment(connection={name: "http://127.0.0.1:9000/proxy/"})
    url = PROVIDER.build_request(call(messages=HELLO, stream=True), there).url
    assert url == "http://127.0.0.1:9000/proxy/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse-stream"


@pytest.mark.parametrize("region", ["us-east-1.evil.example#", "evil.example/", "x@y", "us-east-1:80"])
def test_bad_request_when_the_region_would_change_the_host(region: str) -> None:
    with pytest.raises(BadRequestError):
        PROVIDER.build_request(call(messages=HELLO), deployment(connection={"aws_region_name": region}))


def test_region_is_litellms_when_nothing_names_one() -> None:
    url = PROVIDER.build_request(call(messages=HELLO), deployment(connection={})).url
    assert urlsplit(url).netloc == "bedrock-runtime.us-west-2.amazonaws.com"


def test_bearer_token_is_sent_when_there_is_an_api_key() -> None:
    request = PROVIDER.build_request(call(messages=HELLO), deployment(connection={"api_key": "token"}))
    assert request.headers["authorization"] == "Bearer token"


@pytest.mark.parametrize(("client_owned", "bearer"), [(False, False), (True, True)])
def test_named_identity_wins_over_the_token_unless_the_token_is_the_clients(client_owned: bool, bearer: bool) -> None:
    both = deployment(connection={"api_key": "token", "aws_profile_name": "team"}, client_owned=client_owned)
    assert ("authorization" in PROVIDER.build_request(call(messages=HELLO), both).headers) is bearer


@pytest.mark.parametrize(
    ("model", "thinking"),
    [
        ("anthropic.claude-v2:1", "none"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "none"),
        ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", "budget"),
        ("global.anthropic.claude-sonnet-4-20250514-v1:0", "budget"),
        ("anthropic.claude-opus-4-6-v1", "either"),
        ("us.anthropic.claude-sonnet-5", "adaptive"),
    ],
)
def test_claudes_traits_are_known_when_the_name_is_bedrocks(model: str, thinking: str) -> None:
    assert read_family(deployment(model)).traits.thinking == thinking


@pytest.mark.parametrize(
    ("model", "info", "vendor"),
    [
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/x", {}, ""),
        (
            "arn:aws:bedrock:us-east-1:1:application-inference-profile/x",
            {"base_model": "anthropic.claude-sonnet-5"},
            "anthropic",
        ),
        ("llama/arn:aws:bedrock:us-east-1:1:imported-model/x", {}, "meta"),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", {}, "amazon"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.qwen.qwen3-32b-v1:0", {}, "qwen"),
    ],
)
def test_family_is_found_when_the_model_is_an_arn(model: str, info: dict[str, str], vendor: str) -> None:
    assert read_family(deployment(model, info=info)).vendor == vendor
