"""The Idempotency-Key of a call, by whichever way in: what an agent may name one with, said once."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sayso_bot.errors import InvalidField

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}\Z")


def idempotency_key(given: Sequence[str]) -> str | None:
    """The one of all headers of this name: 1 to 255 visible ASCII characters. Raises `InvalidField`."""
    if not given:
        return None
    if len(given) > 1 or not _KEY.match(given[0]):
        raise InvalidField(
            f"{HEADER} must be given once, as 1 to 255 visible ASCII characters. Nothing was made.", field=HEADER
        )
    return given[0]
