"""Tag routing (4.10)."""

import pytest

from proxy.routing.tags import allowed_by_tags, tag_positions
from tests.routing.router_bench import build, deployment

FREE = deployment("free", tags=("free", "eu"))
PAID = deployment("paid", tags=("paid", "eu"))
DEFAULT = deployment("default", tags=("default",))
PLAIN = deployment("plain")
ALL = (FREE, PAID, DEFAULT, PLAIN)


@pytest.mark.parametrize(
    ("tags", "match_any", "served", "expected"),
    [
        (("free",), True, ALL, {"free"}),
        (("eu",), True, ALL, {"free", "paid"}),
        (("free", "paid"), True, ALL, {"free", "paid"}),
        (("free", "paid"), False, ALL, {"default"}),
        (("free", "eu"), False, ALL, {"free"}),
        (("unknown",), True, ALL, {"default"}),
        (("unknown",), True, (FREE, PLAIN), set()),
        ((), True, ALL, {"default"}),
        ((), True, (FREE, PLAIN), {"plain"}),
        ((), True, (FREE,), set()),
        (("eu", "!free"), True, ALL, {"paid"}),
        (("!default",), True, ALL, {"plain"}),
        (("&paid",), True, ALL, {"paid"}),
        (("eu", "&free"), True, ALL, {"free"}),
        (("&unknown",), True, ALL, set()),
    ],
)
def test_tags_choose_the_deployments_when_filtering_is_on(tags, match_any, served, expected):
    assert {one.id for one in allowed_by_tags(served, tag_positions(served), tags, match_any)} == expected


AGENT = deployment("agent", tag_regex=("^User-Agent: batch/", "nightly"))


@pytest.mark.parametrize(
    ("agent", "tags", "served", "expected"),
    [
        ("batch/2", (), (AGENT, DEFAULT, PLAIN), {"agent"}),
        ("a nightly job", (), (AGENT, DEFAULT), {"agent"}),
        ("curl/8", (), (AGENT, DEFAULT), {"default"}),
        (None, (), (AGENT, PLAIN), {"plain"}),
        ("curl/8", (), (AGENT,), set()),
        ("batch/2", ("free",), (AGENT, FREE), {"free"}),
        ("batch/2", ("unknown",), (AGENT, FREE, DEFAULT), {"agent"}),
    ],
)
def test_a_program_is_recognised_when_no_tag_of_the_request_fits(agent, tags, served, expected):
    assert {one.id for one in allowed_by_tags(served, tag_positions(served), tags, True, agent)} == expected


def test_the_call_is_a_401_when_its_tags_allow_nobody():
    failure = build(FREE, enable_tag_filtering=True).fails(tags=("paid",))
    assert failure.status_code == 401
    assert "Not allowed to access model due to tags configuration" in failure.message


def test_tags_mean_nothing_when_filtering_is_off():
    assert build(FREE).run(tags=("paid",)).deployment.id == "free"


def test_the_router_sends_by_tag_when_filtering_is_on():
    bench = build(FREE, PAID, enable_tag_filtering=True)
    assert {bench.run(tags=("paid",)).deployment.id for _ in range(8)} == {"paid"}
