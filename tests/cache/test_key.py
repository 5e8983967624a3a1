"""Which requests share an entry: those that can only have the same answer."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.cache.key import build_key
from proxy.domain.call import Call, Options
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.domain.requester import Owner, Requester
from proxy.domain.user_config import UserConfig

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=4,
)
NAMES = st.sampled_from(["temperature", "tools", "user", "seed", "unknown_field", "another", "response_format", "n"])
BODIES = st.dictionaries(NAMES, JSON, max_size=4)


def key_of(body: dict[str, Any], model: str = "gpt", scope: str = "key", **more: Any) -> str:
    document = Document.of({"model": model, "messages": [{"role": "user", "content": "hi"}], **body})
    return build_key(Call("id", CHAT, model, document, **more), scope=scope, namespace=None, groups={"twin": "gpt"})


def plain(value: Any) -> Any:
    """A form in which true and 1 differ, as they do in JSON."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else (type(value).__name__, value)


# Drawing two bodies is slow on a busy machine, which is no fault of the key.
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(BODIES, BODIES)
def test_two_requests_share_an_entry_only_if_all_their_members_are_equal(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert (key_of(one) == key_of(other)) == (plain(one) == plain(other))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(BODIES, st.dictionaries(st.sampled_from(["stream", "stream_options", "metadata"]), JSON, min_size=1, max_size=3))
def test_members_of_the_transport_make_no_difference(body: dict[str, Any], transport: dict[str, Any]) -> None:
    assert key_of({**body, **transport}) == key_of(body)


def test_the_order_of_members_makes_no_difference() -> None:
    assert key_of({"a": 1, "b": {"c": 2, "d": 3}}) == key_of({"b": {"d": 3, "c": 2}, "a": 1})


def test_groups_that_share_entries_have_one_key() -> None:
    assert key_of({}, "twin") == key_of({}, "gpt") != key_of({}, "third")


def test_tenants_have_entries_of_their_own_by_scope() -> None:
    requesters = [Requester(owner=Owner(team_id=team, organization_id="o")) for team in ("a", "b")]
    in_team = [key_of({}, scope="team", requester=requester) for requester in requesters]
    in_org = [key_of({}, scope="org", requester=requester) for requester in requesters]
    assert in_team[0] != in_team[1] and in_org[0] == in_org[1]


def test_client_credentials_have_entries_of_their_own_whatever_the_scope() -> None:
    config = UserConfig.of({"model_list": []})
    keys = [
        key_of({}, scope="global"),
        key_of({}, scope="global", options=Options(overrides={"api_key": "one"})),
        key_of({}, scope="global", options=Options(overrides={"api_key": "two"})),
        key_of({}, scope="global", options=Options(user_config=config)),
    ]
    assert len(set(keys)) == len(keys)
