"""The fingerprint binds an approval to exactly what was shown.

``sha256:`` and the hex digest of the RFC 8785 canonical JSON of
``{"action": TYPE, "agent": NAME, "params": {…}}``. Equal numbers are equal whatever their spelling
(1.10 and 1.1); a number and a string never are. Vectors: ``docs/fingerprint.md``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import orjson
import rfc8785

from sayso_bot.domain.json import Json

_EXPONENT = re.compile(rb"[0-9][eE][-+]?[0-9]")


def canonical(value: Json) -> bytes:
    """RFC 8785 bytes of ``value``, which must have passed `sayso_bot.domain.json.loads`.

    orjson writes the same bytes at a tenth of the cost, but for names beyond ASCII, which it may sort otherwise, and
    for exponents.
    """
    quick = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return quick if quick.isascii() and not _EXPONENT.search(quick) else rfc8785.dumps(value)


def digest(value: Json) -> str:
    """``sha256:`` + 64 hex digits over the canonical JSON of ``value``."""
    return f"sha256:{hashlib.sha256(canonical(value)).hexdigest()}"


def fingerprint(action: str, agent: str, params: Mapping[str, Json]) -> str:
    """The fingerprint of one action by one agent."""
    return digest({"action": action, "agent": agent, "params": params})
