"""How the gateway gets out: proxies and certificate authorities, by the variables that every client of the web reads."""

from collections.abc import Mapping
from typing import NamedTuple


class Network(NamedTuple):
    """`proxies` maps a scheme to a proxy's URL; `verify` is True, False or the path of a file of authorities."""

    proxies: Mapping[str, str]
    no_proxy: tuple[str, ...]
    verify: bool | str


def read_network(environ: Mapping[str, str], ssl_verify: bool | str) -> Network:
    """HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY in either case, SSL_CERT_FILE and REQUESTS_CA_BUNDLE.

    `ssl_verify` is the file's word: whether to verify, or the authorities to verify with.
    """
    either = {name.lower(): value for name, value in environ.items() if value} | {
        name: value for name, value in environ.items() if value and name.islower()
    }
    proxies = {
        scheme: proxy
        for scheme in ("http", "https")
        if (proxy := either.get(f"{scheme}_proxy") or either.get("all_proxy")) is not None
    }
    no_proxy = tuple(entry.strip() for entry in either.get("no_proxy", "").split(",") if entry.strip())
    authorities = environ.get("SSL_CERT_FILE") or environ.get("REQUESTS_CA_BUNDLE")
    return Network(proxies, no_proxy, (authorities or True) if ssl_verify is True else ssl_verify)
