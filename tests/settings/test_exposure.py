"""Who can reach the gateway."""

import pytest

from proxy.domain.secrets import Secret
from proxy.server.exposure import Address, check_exposure, describe, is_local
from proxy.settings import ConfigError, Settings

OPEN = Settings(deployments=())


@pytest.mark.parametrize(
    "address",
    [("127.0.0.1", 1), ("127.9.9.9", 1), ("::1", 1, 0, 0), ("[::1]", 1), ("localhost", 1), ("LOCALHOST", 1),
     ("::ffff:127.0.0.1", 1), "/run/patchbay.sock", b"\0abstract", ""],
)  # fmt: skip
def test_address_is_local_when_only_this_machine_can_reach_it(address: Address) -> None:
    assert is_local(address)
    assert check_exposure(OPEN, [address]) == ()


@pytest.mark.parametrize(
    "address",
    [("0.0.0.0", 1), ("::", 1), ("10.0.0.1", 1), ("::ffff:10.0.0.1", 1), ("example.com", 1), ("", 1), ("127.1.evil", 1),
     ("fe80::1%eth0", 1)],
)  # fmt: skip
def test_start_is_refused_when_others_can_reach_it_without_a_key(address: Address) -> None:
    assert not is_local(address)
    with pytest.raises(ConfigError, match=r"general_settings\.master_key .* LITELLM_MASTER_KEY"):
        check_exposure(OPEN, [("127.0.0.1", 1), address])


def test_others_may_reach_it_when_there_is_a_key() -> None:
    assert (
        check_exposure(Settings(deployments=(), master_key=Secret("sk-long-enough-for-everyone")), [("0.0.0.0", 1)])
        == ()
    )


def test_key_is_warned_about_when_it_is_in_every_tutorial() -> None:
    weak = Settings(deployments=(), master_key=Secret("sk-1234"))
    assert check_exposure(weak, [("127.0.0.1", 1)]) == ()
    assert "choose another" in check_exposure(weak, [("0.0.0.0", 1)])[0]


@pytest.mark.parametrize(
    ("address", "text"),
    [(("::1", 4000, 0, 0), "http://[::1]:4000"), (("127.0.0.1", 1), "http://127.0.0.1:1"), (b"/x", "unix:/x")],
)
def test_address_is_readable_when_it_is_told(address: Address, text: str) -> None:
    assert describe(address) == text


@pytest.mark.parametrize("key", ["sk-1234", "sk-short", "sk-aaaaaaaaaaaaaaaaaaaaaaaa", "SK-LITELLM"])
def test_weak_key_is_warned_about_without_being_shown(key: str) -> None:
    warning = check_exposure(Settings(deployments=(), master_key=Secret(key)), [("0.0.0.0", 1)])[0]
    assert "choose another" in warning
    assert key not in warning
