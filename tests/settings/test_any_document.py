"""Whatever is written in a file, it is loaded or refused in words."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import BadRequestError
from proxy.settings import ConfigError
from proxy.settings.client import load_client_config
from proxy.settings.files import Source
from proxy.settings.load import build_settings
from schemas.config import findings, user_findings
from schemas.settings_table import SETTINGS, Section, settings_of
from tests.settings.fakes import PROVIDERS

SCALARS = st.sampled_from(
    [None, True, 0, -1, 1.5, float("nan"), 10**400, "", "x", "os.environ/NONE", "openai/x", "*", "sagemaker/x", "a: b"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*(setting.name for setting in SETTINGS), "x", 3]), inner, max_size=4)
    ),
    max_leaves=8,
)


def section(name: Section) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.sampled_from([*settings_of(name), "other"]), VALUES, max_size=4)


ENTRY = st.fixed_dictionaries(
    {}, optional={"model_name": SCALARS, "litellm_params": section("params") | SCALARS, "model_info": section("info")}
)
ROUTER = section("router")
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "model_list": st.lists(ENTRY | SCALARS, max_size=3) | VALUES,
        "credential_list": st.lists(section("credential") | SCALARS, max_size=2) | VALUES,
        "general_settings": section("general") | VALUES,
        "litellm_settings": section("litellm") | VALUES,
        "router_settings": ROUTER | VALUES,
        "environment_variables": VALUES,
        "include": VALUES,
    },
) | section("file")


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS)
def test_document_is_loaded_or_refused_in_words_when_it_may_be_anything(document: dict[str, Any]) -> None:
    assert all(finding.reason for finding in findings(document))
    try:
        loaded = build_settings(Source(document), {}, PROVIDERS, "any")
    except ConfigError as error:
        assert all(error.problems)
    else:
        assert loaded.source == "any"


@settings(max_examples=200, deadline=None)
@given(st.builds(lambda router, models: {**router, "model_list": models}, ROUTER, st.lists(ENTRY, max_size=2)) | VALUES)
def test_user_config_is_loaded_or_refused_in_words_when_it_may_be_anything(user_config: Any) -> None:
    if isinstance(user_config, dict):
        assert all(finding.reason for finding in user_findings(user_config))
    try:
        assert load_client_config(user_config, PROVIDERS).deployments
    except BadRequestError as error:
        assert error.param is not None
        assert error.param.startswith("user_config")
