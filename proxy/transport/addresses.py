"""Which addresses are public: the ranges that are not, as data.

Sources: https://www.iana.org/assignments/iana-ipv4-special-registry and .../iana-ipv6-special-registry. An address is
public when it is in none of the first, or in 2000::/3 and in none of the second.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network, unspecified
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' NAT; Alibaba's metadata service
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host, a public address that answers only from within
        "169.254.0.0/16",  # link-local; the metadata services of AWS, Azure, Google
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata service
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# Outside of it: unspecified, loopback, v4-mapped, v4-compatible, NAT64 (64:ff9b::/96 and 64:ff9b:1::/48), discard-only,
# segment routing, unique local (AWS's metadata service too), link-local, site-local, multicast, and all that is unassigned.
_UNICAST_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID, AMT
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # 6bone, returned
        "3fff::/20",  # documentation
    )
)


def is_public(address: str) -> bool:
    """Whether anybody on the internet may be at this address. False for what is not an address, or has a zone."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _REFUSED_V4)
    if parsed.scope_id is not None or parsed not in _UNICAST_V6:
        return False
    return not any(parsed in network for network in _REFUSED_V6)
