"""What Slack asks for more than once is done once, and waited for two seconds: Slack gives up after three."""

from __future__ import annotations

from typing import TypeVar

from sayso_adapters import once
from sayso_bot.ports import AdapterContext

ACKNOWLEDGE_SECONDS = 2.0

T = TypeVar("T")


class Once(once.Once[T]):
    def __init__(self, context: AdapterContext) -> None:
        super().__init__(context, "slack", lambda: ACKNOWLEDGE_SECONDS)
