"""What Teams asks for more than once is done once, and waited for 3.5 seconds: Teams gives up after five."""

from __future__ import annotations

from typing import TypeVar

from sayso_adapters import once
from sayso_bot.ports import AdapterContext

ANSWER_SECONDS = 3.5

T = TypeVar("T")


class Once(once.Once[T]):
    def __init__(self, context: AdapterContext) -> None:
        super().__init__(context, "teams", lambda: ANSWER_SECONDS)
