"""Where a request is in the inbox, and what somebody else answers meanwhile."""

from __future__ import annotations

from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Outcome, Request
from sayso_bot.ports import Ballot
from unit.inbox.inbox_service import Service

BEN = Person.known_as("Ben", {"email:ben@example.com"})


def address(service: Service, request: Request) -> str:
    return f"{service.url}/inbox/requests/{request.id}"


def stir(service: Service) -> None:
    """Every open page reads again what it shows."""
    for queue in service.desk.listeners:
        queue.put_nowait(None)


async def ben_answers(service: Service, request: Request, outcome: Outcome, reason: str | None = None) -> None:
    ballot = Ballot(request.id, 1, BEN, outcome, "inbox", f"inbox:ben-{request.id}", reason=reason)
    await service.desk.vote(ballot)
