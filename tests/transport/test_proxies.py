"""Proxies: what goes through one."""

import pytest

from proxy.transport.proxies import Proxies

URLS = {"http": "http://proxy:1", "https": "http://proxy:2"}


@pytest.mark.parametrize(
    ("exceptions", "url", "proxied"),
    [
        ([], "https://api.example.com/v1", True),
        (["example.com"], "https://api.example.com/v1", False),
        ([".example.com"], "https://api.example.com/v1", False),
        (["EXAMPLE.com"], "https://example.COM:8443/v1", False),
        (["ample.com"], "https://example.com/v1", True),
        (["10.0.0.0/8"], "http://10.1.2.3:8000/v1", False),
        (["10.0.0.0/8"], "http://11.1.2.3/v1", True),
        (["::1"], "http://[::1]/v1", False),
        (["*"], "https://api.example.com/v1", False),
        (["", " "], "https://api.example.com/v1", True),
    ],
)
def test_the_proxy_is_used_unless_an_exception_matches_when_there_is_one(
    exceptions: list[str], url: str, proxied: bool
) -> None:
    assert Proxies(URLS, exceptions).choose(url) == (URLS if proxied else {})


def test_no_proxy_is_used_when_there_is_none_for_the_scheme() -> None:
    assert not Proxies({}).choose("https://api.example.com")
    assert not Proxies({"http": "http://proxy:1"}).choose("https://api.example.com")
