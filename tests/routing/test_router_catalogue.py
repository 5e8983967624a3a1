"""What a model name means: groups, aliases, ids, wildcards, raw models (3.3, 3.4)."""

import pytest

from proxy.domain.router_settings import Alias
from proxy.routing.catalogue import Catalogue, fill
from tests.routing.router_bench import build, deployment


def wildcard(name, group, model="*", provider="openai"):
    return deployment(name, group, model=model, provider=provider, wildcard=True)


def found(name, *deployments, aliases=None, infer=None):
    group = Catalogue(deployments, aliases, infer).find(name)
    return None if group is None else [(one.id, one.group, one.model) for one in group.deployments]


def test_a_group_is_found_by_its_name_when_several_deployments_share_it():
    assert found("g", deployment("a", model="m"), deployment("b", model="n"), deployment("c", "h")) == [
        ("a", "g", "m"),
        ("b", "g", "n"),
    ]


def test_nothing_is_found_when_nobody_has_the_name():
    assert found("nope", deployment("a")) is None


def test_a_deployment_is_found_by_its_id_when_no_group_has_that_name():
    assert found("b", deployment("a", model="m"), deployment("b", model="m")) == [("b", "g", "m")]


@pytest.mark.parametrize("name", ["openai/up1", "up1"])
def test_deployments_are_found_by_what_they_ask_for_when_no_group_has_that_name(name):
    assert found(name, deployment("a", model="up1"), deployment("b", model="up2")) == [("a", "g", "up1")]


def test_an_alias_leads_to_its_group_when_it_is_asked_for():
    assert found("fast", deployment("a", model="m"), aliases={"fast": Alias("g")}) == [("a", "g", "m")]


def test_an_alias_of_an_alias_leads_to_the_end_when_it_is_asked_for():
    aliases = {"one": Alias("two"), "two": Alias("g", hidden=True)}
    assert found("one", deployment("a", model="m"), aliases=aliases) == [("a", "g", "m")]


def test_an_alias_wins_when_a_group_has_the_same_name():
    served = (deployment("a", "old", model="m"), deployment("b", "new", model="n"))
    assert found("old", *served, aliases={"old": Alias("new")}) == [("b", "new", "n")]


def test_an_alias_may_lead_to_a_wildcard_when_it_names_a_model_of_it():
    aliases = {"fast": Alias("openai/gpt-4o")}
    assert found("fast", wildcard("w", "openai/*"), aliases=aliases) == [("w", "openai/gpt-4o", "gpt-4o")]


def test_a_circle_of_aliases_is_refused_when_the_catalogue_is_built():
    with pytest.raises(ValueError, match="lead back to themselves: one, two"):
        Catalogue([], {"one": Alias("two"), "two": Alias("one")})


def test_hidden_aliases_are_served_but_not_listed_when_names_are_asked_for():
    catalogue = Catalogue(
        [deployment("a"), wildcard("w", "openai/*")], {"seen": Alias("g"), "unseen": Alias("g", hidden=True)}
    )
    assert catalogue.names() == ["seen", "g", "openai/*"]
    assert catalogue.find("unseen") is not None


@pytest.mark.parametrize(
    ("group", "model", "asked", "sent"),
    [
        ("openai/*", "*", "openai/gpt-4o", "gpt-4o"),
        ("*", "*", "anything", "anything"),
        ("team-*/*", "*", "team-a/gpt", "team-a/gpt"),
        ("team-*/*", "*-*", "team-a/gpt", "a-gpt"),
        ("my-*", "fixed", "my-model", "fixed"),
        ("gpt-*", "gpt-*", "gpt-4o", "gpt-4o"),
        ("a.b/*", "*", "a.b/c", "c"),
        ("openai/*", "*", "openai/with\nbreak", "with\nbreak"),
    ],
)
def test_the_stars_are_filled_when_a_wildcard_matches(group, model, asked, sent):
    assert found(asked, wildcard("w", group, model)) == [("w", asked, sent)]


@pytest.mark.parametrize(
    ("group", "asked"), [("openai/*", "xopenai/m"), ("a.b/*", "axb/m"), ("*-mini", "gpt-mini-2"), ("Gpt-*", "gpt-4")]
)
def test_a_wildcard_matches_the_whole_name_when_it_matches(group, asked):
    assert found(asked, wildcard("w", group)) is None


def test_the_most_particular_pattern_wins_when_several_match():
    served = (wildcard("all", "*"), wildcard("openai", "openai/*"), wildcard("gpt", "openai/gpt-*"))
    assert found("openai/gpt-4", *served)[0][0] == "gpt"
    assert found("openai/o1", *served)[0][0] == "openai"
    assert found("other", *served)[0][0] == "all"


def test_an_exact_group_wins_when_a_wildcard_matches_too():
    assert found("openai/m", wildcard("w", "openai/*"), deployment("a", "openai/m", model="m"))[0][0] == "a"


def test_a_bare_name_is_tried_with_its_provider_when_that_is_known():
    assert found("gpt-4o", wildcard("w", "openai/*"), infer=lambda name: "openai")[0][0] == "w"
    assert found("gpt-4o", wildcard("w", "openai/*")) is None


@pytest.mark.parametrize(
    ("model", "parts", "sent"),
    [("*", ["a"], "a"), ("x-*-y-*", ["1", "2"], "x-1-y-2"), ("*", ["a", "b"], "whole"), ("m", ["a"], "m")],
)
def test_more_parts_than_stars_leave_the_clients_name_when_a_model_is_filled(model, parts, sent):
    assert fill(model, parts, "whole") == sent


def test_what_is_kept_is_bounded_when_clients_make_up_names():
    bench = build(wildcard("w", "*"))
    for number in range(50):
        bench.run(f"model-{number}")
    assert len(bench.router._profiles) == 1
    assert bench.router.state.spending("openai *", bench.clock.time)[0] == 50


def test_levels_are_ordered_with_the_unordered_last_when_a_group_is_built():
    group = Catalogue([deployment("x"), deployment("b", order=2), deployment("a", order=1)]).find("g")
    assert [[one.id for one in level] for level in group.levels] == [["a"], ["b"], ["x"]]
