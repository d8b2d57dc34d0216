"""What each agent has asked lately: of the newest requests, how many of which action, and how they stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sayso_bot.domain.request import Status
from sayso_bot.ports import DeskFace, Filter

LOOKED_AT = 200
PAGE = 25
MOST_ACTIONS = 6


@dataclass(slots=True)
class Agent:
    """``more`` counts the kinds of action that are not among the first."""

    name: str
    asked_at: datetime
    count: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    statuses: Counter[Status] = field(default_factory=Counter)

    @property
    def most(self) -> Sequence[tuple[str, int]]:
        return self.actions.most_common(MOST_ACTIONS)

    @property
    def more(self) -> int:
        return max(0, len(self.actions) - MOST_ACTIONS)


async def lately(desk: DeskFace) -> list[Agent]:
    """The agents of the newest `LOOKED_AT` requests, who asked last first."""
    found: dict[str, Agent] = {}
    cursor: str | None = None
    left = LOOKED_AT
    while left > 0:
        page = await desk.browse(Filter(), cursor=cursor, limit=min(PAGE, left))
        for request in page.items:
            agent = found.setdefault(request.agent, Agent(request.agent, request.created_at))
            agent.count += 1
            agent.actions[request.action] += 1
            agent.statuses[request.status] += 1
        left -= max(1, len(page.items))
        cursor = page.cursor
        if cursor is None:
            break
    return list(found.values())
