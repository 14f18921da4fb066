"""Names and addresses that this machine has."""

from __future__ import annotations

import ipaddress
import socket


def own_names() -> list[str]:
    """The host name, and what mDNS makes of it; lower case."""
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    return list(dict.fromkeys([name, short, f"{short}.local"])) if short else []


def own_addresses() -> list[str]:
    """All addresses, those of the local network first; none that end at this link."""
    import psutil

    found: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = []
    for entries in psutil.net_if_addrs().values():
        for entry in entries:
            if entry.family in (socket.AF_INET, socket.AF_INET6):
                address = ipaddress.ip_address(entry.address.partition("%")[0])
                if not (address.is_link_local or address.is_multicast or address.is_unspecified):
                    found.append(address)
    found.sort(key=lambda address: (address.is_loopback, address.version))
    return [str(address) for address in dict.fromkeys(found)]
