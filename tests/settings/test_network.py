"""How the gateway gets out."""

import pytest

from proxy.settings.network import read_network


def test_nothing_is_between_when_nothing_is_said() -> None:
    assert read_network({}, True) == ({}, (), True)


def test_proxies_are_read_in_either_case_when_they_are_set() -> None:
    network = read_network(
        {"HTTPS_PROXY": "http://upper:1", "http_proxy": "http://lower:2", "NO_PROXY": "a.example, .b"}, True
    )
    assert network.proxies == {"https": "http://upper:1", "http": "http://lower:2"}
    assert network.no_proxy == ("a.example", ".b")


def test_lower_case_wins_when_both_are_set() -> None:
    assert read_network({"https_proxy": "http://l", "HTTPS_PROXY": "http://u"}, True).proxies["https"] == "http://l"


def test_all_proxy_serves_both_when_no_other_is_set() -> None:
    assert read_network({"ALL_PROXY": "http://all"}, True).proxies == {"http": "http://all", "https": "http://all"}


@pytest.mark.parametrize(("ssl_verify", "expected"), [(True, "/ca.pem"), (False, False), ("/own.pem", "/own.pem")])
def test_authorities_are_the_named_ones_when_certificates_are_checked(ssl_verify: bool | str, expected: object) -> None:
    assert read_network({"SSL_CERT_FILE": "/ca.pem"}, ssl_verify).verify == expected
