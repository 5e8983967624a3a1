"""Which proxy a URL goes through, if any."""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from requests.utils import select_proxy


class Proxies:
    """`urls` as for requests: by `http`, `https`, `all` or `scheme://host`.

    `exceptions` as in the `NO_PROXY` that curl reads (https://curl.se/libcurl/c/CURLOPT_NOPROXY.html): a name also
    stands for all names below it, with or without a leading dot; an address, or a network in CIDR form, for addresses;
    `*` for all.
    """

    def __init__(self, urls: Mapping[str, str], exceptions: Iterable[str] = ()) -> None:
        self._urls = dict(urls)
        self._exceptions = tuple(entry.strip().lower().strip(".") for entry in exceptions if entry.strip())

    def choose(self, url: str) -> dict[str, str]:
        """What requests is to be given for this URL: the proxies, or none when it goes straight."""
        if not self._urls or select_proxy(url, self._urls) is None:
            return {}
        host = (urlsplit(url).hostname or "").rstrip(".")
        return {} if any(_matches(entry, host) for entry in self._exceptions) else self._urls


def _matches(entry: str, host: str) -> bool:
    if entry in ("*", host) or host.endswith("." + entry):
        return True
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        return False
