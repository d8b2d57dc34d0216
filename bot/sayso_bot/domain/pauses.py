"""What stands still: everything, one agent, or the actions of a pattern. Nothing that it covers is asked or approved.

Denials, cancellations, reads and deadlines go on, since none of them lets anything happen. The Redis Functions apply
the same rule in the step that a pause must stop.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sayso_bot.domain.admin import Admin
from sayso_bot.domain.globs import ACTION_PATTERN, Glob
from sayso_bot.domain.request import NAME

EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Scope:
    """``agent`` or ``action`` (a pattern), or with neither everything."""

    agent: str = ""
    action: str = ""

    @classmethod
    def parse(cls, text: str) -> Scope:
        """What `str` of a scope says: ``everything``, ``agent:NAME``, ``action:PATTERN``. Raises ValueError."""
        kind, _, what = text.partition(":")
        if text == EVERYTHING:
            return cls()
        if kind == "agent" and NAME.match(what):
            return cls(agent=what)
        if kind == "action" and ACTION_PATTERN.match(what):
            return cls(action=what)
        raise ValueError(text)

    def __str__(self) -> str:
        return f"agent:{self.agent}" if self.agent else f"action:{self.action}" if self.action else EVERYTHING

    @property
    def words(self) -> str:
        """As the subject or object of a sentence."""
        return f"the agent {self.agent}" if self.agent else self.action or EVERYTHING

    @property
    def title(self) -> str:
        """The same at the beginning of a sentence; the name of an action is not spelled otherwise there."""
        return self.words if self.action else f"{self.words[:1].upper()}{self.words[1:]}"

    def covers(self, agent: str, action: str) -> bool:
        if self.agent:
            return agent == self.agent
        return not self.action or Glob(self.action).matches(action)


@dataclass(frozen=True, slots=True)
class Pause:
    """``since`` is Redis's time. One of before this version has no ``id`` of its own."""

    id: str
    scope: Scope
    by: Admin
    why: str
    since: datetime


def pause_over(pauses: Iterable[Pause], agent: str, action: str) -> Pause | None:
    """The first of ``pauses`` that holds for this agent's action."""
    return next((pause for pause in pauses if pause.scope.covers(agent, action)), None)


def new_pause_id() -> str:
    return f"pause_{secrets.token_hex(8)}"
