"""What an admin does in Teams: a command is typed to the bot, shown to them alone, and carried out by its button."""

from __future__ import annotations

from fakes.teams import FakeTeams
from fakes.teams_tenant import Message
from service import until


async def typed(teams: FakeTeams, service: str, text: str, *, user: str, at: str) -> Message:
    """The card that shows ``user`` alone what a command would do."""
    before = len(teams.messages)

    def card() -> Message | None:
        return next((message for message in teams.messages[before:] if "confirm" in message.buttons), None)

    await teams.say(service, text, user=user, conversation=at)
    found: Message = await until(card)
    return found


async def confirmed(teams: FakeTeams, service: str, message: Message, *, user: str, why: str = "") -> str:
    """What its button is answered."""
    assert await teams.tap(service, message, "confirm", user=user, inputs={"reason": why}) == 200
    return teams.told(user)[-1]
