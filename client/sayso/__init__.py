"""What agent authors install: ask, wait, and go on only when a person said so.

Names are imported when they are first used, so that ``sayso serve`` and the other commands, which enter through this
package, do not pay for an HTTP client that they do not need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sayso.asking import Progress
    from sayso.client import AsyncSayso, Sayso
    from sayso.decorator import requires_approval
    from sayso.errors import (
        Cancelled,
        Denied,
        Edited,
        Expired,
        Mismatch,
        NotApproved,
        NotJson,
        Paused,
        Refused,
        SaysoError,
        StillPending,
        Unreachable,
        Unusable,
    )
    from sayso.files import File
    from sayso.request import Approval, Decision, Page, Request, Requirement, Vote

__all__ = [
    "Approval",
    "AsyncSayso",
    "Cancelled",
    "Decision",
    "Denied",
    "Edited",
    "Expired",
    "File",
    "Mismatch",
    "NotApproved",
    "NotJson",
    "Page",
    "Paused",
    "Progress",
    "Refused",
    "Request",
    "Requirement",
    "Sayso",
    "SaysoError",
    "StillPending",
    "Unreachable",
    "Unusable",
    "Vote",
    "requires_approval",
]

_ELSEWHERE = {
    "AsyncSayso": "client",
    "Sayso": "client",
    "File": "files",
    "Progress": "asking",
    "requires_approval": "decorator",
    **dict.fromkeys(("Approval", "Decision", "Page", "Request", "Requirement", "Vote"), "request"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'sayso' has no attribute {name!r}")
    value = getattr(import_module(f"sayso.{_ELSEWHERE.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
