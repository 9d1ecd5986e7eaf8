"""Which network addresses are anyone's, and which are this machine's own or its neighbours'. Pure.

https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")
_LAST_32_BITS = 0xFFFFFFFF


def is_public(host: str) -> bool:
    """Whether a literal address is one of the public internet's.

    It is not where it is private, of this machine, link-local (a cloud's metadata), shared,
    reserved or multicast, nor an IPv6 address that stands for such an IPv4 address. False for
    what is no address.
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        within = _embedded(address)
        if within is not None:
            return is_public(str(within))
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address to which an IPv6 one leads."""
    if address in _NAT64:
        return IPv4Address(int(address) & _LAST_32_BITS)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour
