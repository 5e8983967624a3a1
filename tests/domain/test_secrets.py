"""Credentials do not show."""

import threading

import pytest

from proxy.domain.secrets import MASK, Secret, SecretRegistry, clean_url


def test_value_is_kept_when_a_secret_is_sent() -> None:
    assert "Bearer " + Secret("sk-abc-123-456") == "Bearer sk-abc-123-456"
    assert f"{Secret('sk-abc-123-456')}" == "sk-abc-123-456"


def test_value_is_hidden_when_its_holder_is_printed() -> None:
    assert "sk-abc" not in repr({"api_key": Secret("sk-abc-123-456")})


@pytest.mark.parametrize("others", [0, 1000])
def test_every_occurrence_is_masked_when_a_text_holds_known_values(others: int) -> None:
    registry = SecretRegistry()
    for number in range(others):
        registry.add(f"other-value-{number}")
    registry.add("sk-first-key")
    registry.add("other-credential")
    text = registry.mask("a sk-first-key b other-credential c sk-first-key")
    assert text == f"a {MASK} b {MASK} c {MASK}"


def test_nothing_remains_of_the_longer_when_one_value_starts_another() -> None:
    registry = SecretRegistry()
    registry.add("sk-12345678")
    registry.add("sk-12345678-and-more")
    assert registry.mask("<sk-12345678-and-more>") == f"<{MASK}>"


@pytest.mark.parametrize("value", ["short", "", None, 17, ["sk-in-a-list"]])
def test_text_is_left_alone_when_a_value_is_no_secret(value: object) -> None:
    registry = SecretRegistry()
    registry.add(value)
    assert registry.mask("short 17 sk-in-a-list") == "short 17 sk-in-a-list"


def test_oldest_is_forgotten_when_clients_that_are_gone_sent_more_than_the_limit() -> None:
    registry = SecretRegistry(passing_limit=2)
    registry.add("operator-key")
    for number in range(3):
        registry.lease([f"client-key-{number}"])
    last = registry.lease(["client-key-3"])
    masked = registry.mask("operator-key client-key-0 client-key-1 client-key-2 client-key-3")
    assert masked == f"{MASK} client-key-0 {MASK} {MASK} {MASK}"
    del last


def test_every_key_is_known_when_more_calls_are_in_flight_than_are_remembered() -> None:
    registry = SecretRegistry(passing_limit=2)
    holds = [registry.lease([f"client-key-{number:04d}"]) for number in range(3000)]
    text = " ".join(f"client-key-{number:04d}" for number in range(3000))
    assert registry.mask(text).count(MASK) == 3000
    holds.clear()
    registry.lease([])
    assert registry.mask(text).count(MASK) == 2


def test_key_stays_known_when_one_of_its_two_holders_is_gone() -> None:
    registry = SecretRegistry(passing_limit=0)
    first, second = registry.lease(["client-key-1"]), registry.lease(["client-key-1"])
    del first
    registry.lease([])
    assert registry.mask("client-key-1") == MASK
    del second
    registry.lease([])
    assert registry.mask("client-key-1") == "client-key-1"


def test_operators_key_stays_known_when_a_client_sends_it_too() -> None:
    registry = SecretRegistry(passing_limit=0)
    before = registry.lease(["operator-key"])
    registry.add("operator-key")
    registry.lease(["operator-key"])
    del before
    registry.lease(["client-key-1"])
    assert "operator-key" not in registry.mask("operator-key")


def test_no_value_is_lost_when_threads_add_at_once() -> None:
    registry = SecretRegistry()
    values = [f"thread-{number}-value" for number in range(200)]
    threads = [threading.Thread(target=registry.add, args=(value,)) for value in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.mask(" ".join(values)) == " ".join([MASK] * 200)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://api.example.com/v1", "https://api.example.com/v1"),
        ("https://user:pass@api.example.com/v1?key=abc#frag", "https://api.example.com/v1"),
        ("https://a@b@api.example.com", "https://api.example.com"),
        ("redis://:pass@10.0.0.1:6379/0", "redis://10.0.0.1:6379/0"),
        ("user:pass@host/path", "host/path"),
        ("https://host/@handle", "https://host/@handle"),
        ("https://host?to=a@b", "https://host"),
        ("", ""),
    ],
)
def test_url_carries_no_credential_when_shown(url: str, shown: str) -> None:
    assert clean_url(url) == shown


@pytest.mark.parametrize("others", [0, 1000])
def test_each_is_masked_when_values_end_alike(others: int) -> None:
    registry = SecretRegistry(passing_limit=0)
    for number in range(others):
        registry.add(f"other-value-{number}")
    first, second = registry.lease(["first-same-ending"]), registry.lease(["second-same-ending"])
    assert registry.mask("first-same-ending second-same-ending") == f"{MASK} {MASK}"
    del first
    registry.lease([])
    assert registry.mask("first-same-ending second-same-ending") == f"first-same-ending {MASK}"
    del second


def test_nothing_is_kept_when_passing_values_come_and_go() -> None:
    registry = SecretRegistry(passing_limit=10)
    for number in range(1000):
        registry.lease([f"client-key-{number:06d}"])
    registry.lease([])
    text = " ".join(f"client-key-{number:06d}" for number in range(1000))
    assert registry.mask(text).count(MASK) == 10
