"""What Teams sends us, read once it was proved to come from there: who, where, and what.

Every part that a decision hangs on is looked at here: the channel is Teams, the tenant is ours, the sender has an id of
Entra's. A value of the wrong kind reads as an empty one, so that odd shapes meet no exception.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from microsoft_agents.activity import Activity

from sayso_adapters.payloads import as_id, as_object
from sayso_adapters.teams.settings import GUID
from sayso_bot.domain.text import one_line

Kind = Literal["channel", "groupChat", "personal"]
CHANNEL_ID = "msteams"
CONVERSATION = re.compile(r"[A-Za-z0-9:@._=-]{1,150}\Z")
"""The id of a conversation. The SDK cuts longer ones."""
MESSAGE = re.compile(r"[A-Za-z0-9:._-]{1,128}\Z")
ACCOUNT = re.compile(r"[A-Za-z0-9:._@=-]{1,200}\Z")
LONGEST_NAME = 80
LONGEST_TEXT = 4000
_THREAD = ";messageid="


@dataclass(frozen=True, slots=True)
class Arrived:
    """``conversation`` is the place; ``thread`` the message of a channel under which it happened, if any.

    ``user`` is the sender's id in Teams and ``object_id`` in Entra, each empty where it is not said. ``id`` names this
    very activity.
    """

    id: str
    conversation: str
    thread: str
    kind: Kind
    service_url: str
    name: str
    team: str
    team_name: str
    bot: str
    user: str
    object_id: str
    user_name: str
    reply_to: str

    @property
    def spoken_in(self) -> str:
        """The conversation's id for an answer in the same thread."""
        return (
            f"{self.conversation}{_THREAD}{self.thread}"
            if self.thread and self.kind == "channel"
            else self.conversation
        )


def arrived(activity: Activity, tenant: str) -> Arrived | str:
    """What came, or a short word for why it is none of ours: another channel, another tenant, an odd shape."""
    if str(activity.channel_id or "") != CHANNEL_ID:
        return "other_channel"
    data = as_object(activity.channel_data)
    at = activity.conversation
    told = {as_id(as_object(data.get("tenant")).get("id")).lower(), (at.tenant_id or "").lower()} - {""}
    if told != {tenant}:
        return "other_tenant"
    conversation, _, thread = at.id.partition(_THREAD)
    kind = _kind(at.conversation_type)
    if kind is None or not CONVERSATION.match(conversation) or (thread and not MESSAGE.match(thread)):
        return "odd_conversation"
    bot = as_id(activity.recipient.id if activity.recipient else "")
    if not bot:  # without it the SDK takes the turn and then cannot answer
        return "no_recipient"
    sender, team, channel = activity.from_property, as_object(data.get("team")), as_object(data.get("channel"))
    object_id = ((sender and sender.aad_object_id) or "").lower()
    return Arrived(
        id=as_id(activity.id) or str(activity.timestamp or ""),
        conversation=conversation,
        thread=thread,
        kind=kind,
        service_url=activity.service_url or "",
        name=as_name(channel.get("name") or at.name),
        team=as_id(team.get("id") or data.get("teamsTeamId")),
        team_name=as_name(team.get("name")),
        bot=bot,
        user=user if sender and ACCOUNT.match(user := as_id(sender.id)) else "",
        object_id=object_id if GUID.match(object_id) else "",
        user_name=as_name(sender.name if sender else ""),
        reply_to=reply if MESSAGE.match(reply := as_id(activity.reply_to_id)) else "",
    )


def _kind(text: object) -> Kind | None:
    match text:
        case "channel" | "groupChat" | "personal":
            return text
    return None


def event_of(activity: Activity) -> str:
    """Teams' own name of an event (``channelDeleted``), or nothing."""
    return as_id(as_object(activity.channel_data).get("eventType"))


def names_bot(accounts: Sequence[Any] | None, bot: str) -> bool:
    """Whether the bot is among those who came or went."""
    return bool(bot) and any(account.id == bot for account in accounts or ())


def spoken(activity: Activity) -> str:
    """What somebody wrote to the bot, without the mention that calls it."""
    text = (activity.text or "")[:LONGEST_TEXT]
    bot = activity.recipient.id if activity.recipient else None
    for entity in activity.entities or ():
        about = entity.model_dump(by_alias=True)
        if about.get("type") == "mention" and as_object(about.get("mentioned")).get("id") == bot:
            called = about.get("text")
            text = text.replace(called, " ") if isinstance(called, str) and called else text
    return " ".join(text.replace("\xa0", " ").split())


def as_name(value: object) -> str:
    """What people call something, on one line."""
    return one_line(value)[:LONGEST_NAME] if isinstance(value, str) else ""
