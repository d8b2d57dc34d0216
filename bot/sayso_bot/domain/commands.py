"""An admin's command as people type it in a chat, read into a deed. Every chat reads the same words.

    route deploy.* to ops [for 2h | until 18:00 | until 2026-11-25T18:00Z] [because REASON]
    route undo deploy.*
    channel use deploy.* [for …] [because …]        this channel, said in it
    channel name NAME | forget NAME | test [NAME]
    pause [everything | agent NAME | deploy.*] [because …]       resume [the same]
    move REQUEST | deploy.* to ops [because …]

Times are UTC. What cannot be read is told in one sentence, with how it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sayso_bot.domain.deeds import (
    Deed,
    ForgetChannel,
    Move,
    NameChannel,
    PauseScope,
    Resume,
    SetRoute,
    TestChannel,
    UndoRoute,
)
from sayso_bot.domain.globs import ACTION_PATTERN
from sayso_bot.domain.pauses import EVERYTHING, Scope
from sayso_bot.domain.policy import parse_duration
from sayso_bot.domain.request import NAME, REQUEST_ID

VERBS = frozenset({"route", "channel", "pause", "resume", "move"})
HERE = "here"
HELP = (
    "route deploy.* to CHANNEL [for 2h] [because …] — ask it there; route undo deploy.* takes that back",
    "channel use deploy.* — ask it in this channel; channel name NAME, channel test",
    "pause [agent NAME | deploy.*] [because …] — nothing of it is asked or approved; resume … lets it go on",
    "move REQUEST to CHANNEL — take a pending request along; deploy.* takes all of them",
)


class Unreadable(Exception):
    """``sentence`` says how it is written."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Said:
    """Where a command was typed (``place``), what that channel is called there, and when."""

    place: str
    called: str
    now: datetime


def is_admins(words: Sequence[str]) -> bool:
    """Whether a command is one of these."""
    return bool(words) and words[0].lower() in VERBS


def parse(words: Sequence[str], said: Said) -> Deed:
    """Raises `Unreadable`."""
    verb, rest = words[0].lower(), list(words[1:])
    rest, why = _because(rest)
    match verb:
        case "route":
            return _route(rest, why, said)
        case "channel":
            return _channel(rest, why, said)
        case "pause":
            return PauseScope(_scope(rest, "pause"), why)
        case "resume":
            return Resume(scope=_scope(rest, "resume"))
        case "move":
            return _move(rest, why, said)
    raise Unreadable("That is no command of an admin's.")


def parse_until(text: str, now: datetime) -> datetime:
    """``18:00`` (the next one, UTC), or a date and time. Raises `ValueError`."""
    if len(text) in (4, 5) and ":" in text:
        hour, minute = (int(part) for part in text.split(":"))
        at = now.astimezone(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0)
        return at if at > now else at + timedelta(days=1)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _route(words: list[str], why: str, said: Said) -> Deed:
    if len(words) == 2 and words[0].lower() == "undo":
        return UndoRoute(words[1], why)
    words, seconds, until = _end(words, said.now)
    match words:
        case [action, to, channel] if to.lower() == "to":
            return SetRoute(_pattern(action), _target(channel, said), why, seconds, until, _called(channel, said))
        case [action, channel]:
            return SetRoute(_pattern(action), _target(channel, said), why, seconds, until, _called(channel, said))
    raise Unreadable(
        "Write it as: route deploy.* to CHANNEL, perhaps with: for 2h, until 18:00, because REASON. To undo one: route"
        " undo deploy.*"
    )


def _channel(words: list[str], why: str, said: Said) -> Deed:
    match [words[0].lower() if words else "", *words[1:]]:
        case ["use", _, *_]:
            rest, seconds, until = _end(words[1:], said.now)
            if len(rest) == 1:
                return SetRoute(_pattern(rest[0]), _here(said), why, seconds, until, said.called)
        case ["name", name]:
            return NameChannel(name, _here(said), why)
        case ["forget", name]:
            return ForgetChannel(name, why)
        case ["test"]:
            return TestChannel(_here(said))
        case ["test", channel]:
            return TestChannel(_target(channel, said))
    raise Unreadable(
        "Write it as: channel use deploy.* (asks it in this channel), channel name NAME, channel forget NAME, or"
        " channel test."
    )


def _move(words: list[str], why: str, said: Said) -> Deed:
    if len(words) == 3 and words[1].lower() == "to":
        words = [words[0], words[2]]
    if len(words) == 2:
        channel = _target(words[1], said)
        if REQUEST_ID.match(words[0]):
            return Move(channel, request=words[0], why=why)
        return Move(channel, action=_pattern(words[0]), why=why)
    raise Unreadable("Write it as: move req_… to CHANNEL, or for all that wait: move deploy.* to CHANNEL.")


def _scope(words: list[str], verb: str) -> Scope:
    match [word.lower() for word in words]:
        case [] | ["everything"]:
            return Scope()
        case ["agent", name] if NAME.match(name):
            return Scope(agent=name)
        case ["action", _]:
            return Scope(action=_pattern(words[1]))
        case ["agent"]:
            raise Unreadable(f"Which agent? Write its name as well: {verb} agent NAME.")
        case ["action"]:
            raise Unreadable(f"Which action? Write its pattern as well: {verb} action deploy.*")
        case [_] if words[0] != EVERYTHING and ACTION_PATTERN.match(words[0]):
            return Scope(action=words[0])
    raise Unreadable(f"Write it as: {verb} everything, {verb} agent NAME, or {verb} deploy.*, perhaps because REASON.")


def _because(words: list[str]) -> tuple[list[str], str]:
    for at, word in enumerate(words):
        if word.lower() == "because":
            return words[:at], " ".join(words[at + 1 :])
    return words, ""


def _end(words: list[str], now: datetime) -> tuple[list[str], int | None, datetime | None]:
    """What is left of ``words`` before ``for …`` or ``until …``, and those."""
    if len(words) < 2 or words[-2].lower() not in ("for", "until"):
        return words, None, None
    try:
        if words[-2].lower() == "for":
            return words[:-2], parse_duration(words[-1].lower()), None
        return words[:-2], None, parse_until(words[-1], now)
    except ValueError:
        raise Unreadable(
            "A time is written as: for 90s, 15m, 2h or 3d, or until 18:00 or 2026-11-25T18:00Z, in UTC."
        ) from None


def _pattern(text: str) -> str:
    if not ACTION_PATTERN.match(text):
        raise Unreadable("An action is a pattern such as payments.refund or deploy.*, where * stands for any run.")
    return text


def _target(text: str, said: Said) -> str:
    return _here(said) if text.lower() == HERE else text.removeprefix("#")


def _called(target: str, said: Said) -> str:
    """What the place of ``target`` is called in the chat, which is known of the channel where it is said alone."""
    return said.called if target.lower() == HERE else ""


def _here(said: Said) -> str:
    if not said.place:
        raise Unreadable("Say it in the channel that you mean: here is none.")
    return said.place
