"""For how long a platform asks us to leave it alone."""

from __future__ import annotations

from collections.abc import Mapping

MAX_RETRY_AFTER_SECONDS = 3600.0
RATE_LIMITED_SECONDS = 30.0
"""Where it asks for patience without saying how long: a place keeps its cards while it is only busy."""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer names, an hour at most; None where it names none."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    if not text.isascii() or not text.isdigit():
        return None
    return min(float(text), MAX_RETRY_AFTER_SECONDS)
