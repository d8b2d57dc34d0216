"""What a Teams tenant holds, and what the connector's calls do to it; `fakes.teams` puts it on the wire."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from fakes.teams_limits import MAX_ACTIVITY, READS, SENDS, Json, Rates, activity_faults, cards_of, elements, size

APP = "5ed1a8d2-90c0-4f1e-9d6b-7f1f6b1c0a11"
TENANT = "7a6c1c5e-0f3b-4b7e-8a34-1d2f3e4a5b6c"
TEAM = "19:team@thread.tacv2"
Kind = Literal["channel", "groupChat", "personal"]
_TAPS = ("Action.Execute", "Action.Submit")


class Refused(Exception):
    """An answer of the connector that is no success."""

    def __init__(self, status: int, code: str, *, after: float | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.after = after


@dataclass
class Message:
    """A message in a conversation, as it is now. ``version`` counts its updates; ``thread`` is the message under which
    it is a reply; ``views`` holds the card that one person sees in its place."""

    conversation: str
    id: str
    raw: Json
    thread: str = ""
    version: int = 0
    deleted: bool = False
    views: dict[str, Json] = field(default_factory=dict)

    @property
    def card(self) -> Json:
        """Its Adaptive Card; empty where it has none."""
        return next(iter(cards_of(self.raw)), {})

    @property
    def text(self) -> str:
        """What a notification shows: the summary, else the text."""
        return self.raw.get("summary") or self.raw.get("text") or ""

    @property
    def words(self) -> str:
        """Every text, a line each: what a person reads."""
        own = [self.raw["text"]] if self.raw.get("text") else []
        return "\n".join([*own, *texts(self.card)])

    def button(self, verb: str) -> Json | None:
        """The button with this verb that everybody sees, or None."""
        return action(self.card, verb)

    @property
    def buttons(self) -> list[str]:
        """The verbs that everybody sees."""
        return verbs(self.card)


def texts(node: Any) -> list[str]:
    """All texts below ``node`` that a person reads, in order."""
    if isinstance(node, list):
        return [text for item in node for text in texts(item)]
    if not isinstance(node, dict):
        return []
    own = [node[name] for name in ("title", "label", "text", "value") if isinstance(node.get(name), str)]
    hidden = ("data", "fallback", "msteams", "refresh", "metadata")
    return own + [text for name, value in node.items() if name not in hidden for text in texts(value)]


def verbs(card: Any) -> list[str]:
    """The verbs of a card's buttons, in order."""
    return [verb_of(element) for element in elements(_without_refresh(card)) if element["type"] in _TAPS]


def action(card: Any, verb: str) -> Json | None:
    """The button with this verb, or None."""
    found = (e for e in elements(_without_refresh(card)) if e["type"] in _TAPS and verb_of(e) == verb)
    return next(found, None)


def verb_of(element: Json) -> str:
    return str(element.get("verb") or (element.get("data") or {}).get("verb") or "")


def _without_refresh(card: Any) -> Any:
    return {name: value for name, value in card.items() if name != "refresh"} if isinstance(card, dict) else card


@dataclass
class Conversation:
    """``open`` is False while the bot is not installed there."""

    id: str
    kind: Kind
    members: list[str]
    name: str = ""
    team: str = ""
    open: bool = True


def _roster(member: Json) -> Json:
    """As the whole list has it: there Entra's id has another name than elsewhere (microsoft/teams.py#327)."""
    return {"objectId" if name == "aadObjectId" else name: value for name, value in member.items()}


class Tenant:
    """People, conversations and messages. ``faults`` says what Teams would not show of what the bot sent, ``private``
    what it told one person alone, ``spoken`` which messages are people's; ``found_by`` are the ids by which a member is
    looked up."""

    def __init__(self, tenant: str, app: str) -> None:
        self.tenant = tenant
        self.app = app
        self.bot = f"28:{app}"
        self.users: dict[str, Json] = {}
        self.conversations: dict[str, Conversation] = {}
        self.messages: list[Message] = []
        self.replies: list[Message] = []
        self.private: list[tuple[str, str]] = []
        self.spoken: set[tuple[str, str]] = set()
        self.faults: list[str] = []
        self.found_by: tuple[str, ...] = ("id", "aadObjectId", "userPrincipalName")
        self.sends, self.reads = Rates(SENDS), Rates(READS)
        self._ids = itertools.count(int(time.time() * 1000))

    def new_id(self) -> str:
        """An id that was not given before: Teams' are milliseconds."""
        return str(next(self._ids))

    # ----------------------------------------------------------------- who and what there is

    def add_user(
        self,
        user: str,
        *,
        name: str,
        email: str | None = None,
        upn: str | None = None,
        aad: str | None = None,
        guest: bool = False,
        tenant: str | None = None,
        **other: Any,
    ) -> None:
        """``user`` is Teams' own id (``29:ana``), ``aad`` Entra's object id, ``other`` further fields of a member."""
        home = tenant or self.tenant
        given, _, surname = name.partition(" ")
        made: Json = {
            "id": user,
            "name": name,
            "aadObjectId": aad or str(uuid.uuid5(uuid.NAMESPACE_URL, f"{home}/{user}")),
            "givenName": given,
            "surname": surname,
            "userPrincipalName": upn if upn is not None else email,
            "email": email,
            "tenantId": home,
            "userRole": "guest" if guest else "user",
            **other,
        }
        self.users[user] = {name: value for name, value in made.items() if value is not None}

    def aad(self, user: str) -> str:
        """Entra's object id of ``user``."""
        return str(self.users[user]["aadObjectId"])

    def alias(self, user: str) -> str:
        """How a policy names this account."""
        return f"teams:{self.users[user]['tenantId']}/{self.aad(user)}"

    def add_channel(self, channel: str, members: Sequence[str] = (), *, team: str = TEAM, name: str = "") -> None:
        self.conversations[channel] = Conversation(channel, "channel", list(members), name, team)

    def add_chat(self, chat: str, members: Sequence[str] = ()) -> None:
        self.conversations[chat] = Conversation(chat, "groupChat", list(members))

    def add_personal(self, user: str) -> str:
        """The conversation of the bot with ``user`` alone."""
        found = f"a:1{user.partition(':')[2]}"
        self.conversations[found] = Conversation(found, "personal", [user])
        return found

    def personal(self, user: str) -> Conversation | None:
        return next((c for c in self.conversations.values() if c.kind == "personal" and c.members == [user]), None)

    def seen(self, message: Message, user: str) -> list[str]:
        """The verbs that ``user`` sees on a message."""
        return verbs(message.views.get(user) or message.card)

    # ----------------------------------------------------------------- the connector's calls

    def send(self, conversation: str, activity: Json, reply_to: str = "") -> Json:
        """A new message, or one in the thread of ``reply_to`` or of the id's own ``;messageid=``."""
        found, thread = self._at(conversation, self.sends)
        self._check(activity)
        thread = thread or (reply_to if found.kind == "channel" else "")
        if thread and not self._knows(found.id, thread):
            raise Refused(404, "ConversationNotFound")
        if activity.get("type") != "message":
            return {"id": self.new_id()}
        made = Message(found.id, self.new_id(), activity, thread or reply_to)
        if made.thread:
            self.replies.append(made)
        elif found.kind != "personal" or made.buttons:
            self.messages.append(made)
        if found.kind == "personal" and not made.buttons:
            self.private.append((found.members[0], made.words))
        return {"id": made.id}

    def update(self, conversation: str, message: str, activity: Json) -> Json:
        found, _ = self._at(conversation, self.sends)
        self._check(activity)
        made = self._message(found.id, message)
        made.raw = activity
        made.views.clear()
        made.version += 1
        return {"id": made.id}

    def delete(self, conversation: str, message: str) -> Json:
        found, _ = self._at(conversation, self.sends)
        self._message(found.id, message).deleted = True
        return {}

    def create(self, asked: Json) -> Json:
        """A personal conversation with one member, or a thread in a channel."""
        channel = ((asked.get("channelData") or {}).get("channel") or {}).get("id")
        activity = asked.get("activity")
        if channel:
            if not activity:
                raise Refused(400, "BadSyntax")
            sent = self.send(channel, activity)
            return {"id": f"{channel};messageid={sent['id']}", "activityId": sent["id"]}
        members = [self._user(str(member.get("id", ""))) for member in asked.get("members") or ()]
        if len(members) != 1 or members[0] is None or asked.get("isGroup"):
            raise Refused(400, "BadSyntax")
        user = str(members[0]["id"])
        if not any(c.open and user in c.members for c in self.conversations.values()):
            raise Refused(403, "BotNotInConversationRoster")
        found = self.personal(user)
        name = found.id if found else self.add_personal(user)
        return {"id": name, **(self.send(name, activity) if activity else {})}

    def members(self, conversation: str, *, paged: bool) -> list[Json]:
        found, _ = self._at(conversation, self.reads)
        listed = [self.users[user] for user in found.members]
        return listed if paged else [_roster(member) for member in listed]

    def member(self, conversation: str, who: str) -> Json:
        """By Teams' id, Entra's object id or UPN."""
        found, _ = self._at(conversation, self.reads)
        user = self._user(who)
        if user is None or user["id"] not in found.members:
            raise Refused(404, "MemberNotFoundInConversation")
        return user

    def team(self, team: str) -> Json:
        channels = self._channels(team)
        return {"id": team, "name": "Finance", "type": "standard", "channelCount": len(channels)}

    def channels(self, team: str) -> Json:
        return {"conversations": [{"id": c.id, "name": c.name or None} for c in self._channels(team)]}

    # ----------------------------------------------------------------- inside

    def _channels(self, team: str) -> list[Conversation]:
        found = [c for c in self.conversations.values() if c.team == team and c.open]
        if not found:
            raise Refused(404, "NotFound")
        return found

    def _user(self, who: str) -> Json | None:
        return next((u for u in self.users.values() if who in [u.get(name) for name in self.found_by]), None)

    def _at(self, conversation: str, rates: Rates) -> tuple[Conversation, str]:
        name, _, thread = conversation.partition(";messageid=")
        found = self.conversations.get(name)
        if found is None:
            raise Refused(404, "ConversationNotFound")
        if not found.open:
            raise Refused(403, "BotNotInConversationRoster")
        if (wait := rates.wait(name, time.monotonic())) > 0:
            raise Refused(429, "TooManyRequests", after=wait)
        return found, thread

    def _knows(self, conversation: str, message: str) -> bool:
        return (conversation, message) in self.spoken or any(
            (m.conversation, m.id) == (conversation, message) for m in self._all()
        )

    def _message(self, conversation: str, message: str) -> Message:
        for found in self._all():
            if (found.conversation, found.id, found.deleted) == (conversation, message, False):
                return found
        raise Refused(404, "ActivityNotFoundInConversation")

    def _all(self) -> list[Message]:
        return [*self.messages, *self.replies]

    def _check(self, activity: Json) -> None:
        if size(activity) > MAX_ACTIVITY:
            raise Refused(413, "MessageSizeTooBig")
        if wrong := activity_faults(activity):
            self.faults += wrong
            raise Refused(400, "BadSyntax")
