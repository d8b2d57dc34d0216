"""What telling an agent's principal how a request ended needs: what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from sayso_bot.domain.brief import Brief
from sayso_bot.ports.values import Due


@dataclass(frozen=True, slots=True)
class Telling:
    """One end to be told, taken by ``operation``. ``perhaps``: an earlier attempt may have told it, so look first."""

    request: Brief
    operation: str = field(repr=False)
    attempts: int
    perhaps: bool


class TellingStore(Protocol):
    """Each method is one Redis Function, atomic and safe to repeat. Raises `Unavailable`."""

    async def due_tellings(self, limit: int) -> Due: ...

    async def begin_telling(self, request_id: str) -> Telling | None:
        """Take one, for a minute; None where it is told, or somebody else has it."""
        ...

    async def end_telling(self, telling: Telling, message: str | None) -> None:
        """It was told in ``message``, or is not to be told."""
        ...

    async def telling_failed(self, telling: Telling, *, after_seconds: float, lost: bool) -> None: ...
