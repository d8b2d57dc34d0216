"""Which host names and addresses mean this very machine, so that nothing said to them crosses a network."""

from __future__ import annotations

import ipaddress

_NAMES = frozenset({"localhost", "localhost."})


def is_loopback(host: str) -> bool:
    """Whether ``host``, a name or an address without brackets, is loopback. No name is looked up."""
    if host.lower() in _NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
