"""What admins have done, in sentences for whoever it concerns: where is asked, what waits, by which policy."""

from __future__ import annotations

from datetime import datetime

from sayso_bot.domain.pauses import Pause
from sayso_bot.domain.request import Moved, Request
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.domain.text import one_line
from sayso_bot.domain.versions import Origin


def paused(pause: Pause) -> str:
    """Who stopped it, since when and why, and what that means."""
    return f"{who_paused(pause)} Nothing can be approved now, only denied."


def who_paused(pause: Pause) -> str:
    return f"Paused {_by_whom(pause)}"


def what_is_paused(pause: Pause) -> str:
    return f"{pause.scope.title} is paused {_by_whom(pause)}"


def routed(route: LiveRoute) -> str:
    """Where an admin has an action asked now."""
    until = "" if route.until is None else f" until {_time(route.until)}"
    whose = f"by {one_line(route.by.name)} since {_time(route.at)}{because(route.why)}"
    return f"{route.action} is asked in {one_line(route.channel)}{until}, {whose}"


def _by_whom(pause: Pause) -> str:
    return f"by {one_line(pause.by.name)} since {_time(pause.since)}{because(pause.why)}"


def _time(at: datetime) -> str:
    return f"{at:%-d %b, %H:%M} UTC"


def put_in_force(origin: Origin) -> str:
    """Who had another policy put in force, and why."""
    if origin.via == "file" and not origin.by:
        return "The policy's file was changed, and what it says is in force."
    what = "put another policy in force"
    if origin.restores is not None:
        what = f"brought version {origin.restores} of the policy back"
    return f"{one_line(origin.by) or 'Somebody'} {what}{because(origin.comment)}"


def because(why: str) -> str:
    """An admin's reason as the end of a sentence, which ends with a full stop either way."""
    line = one_line(why).strip()
    return f": {line}{'' if line.endswith(('.', '!', '?')) else '.'}" if line else "."


def moved(request: Request) -> str:
    """That an admin has it asked elsewhere than its rule says, or nothing. One may have brought it back, too."""
    if request.moved is None or request.requirement is None or request.asked_in == request.requirement.channel:
        return ""
    there, rule = one_line(request.moved.channel), one_line(request.requirement.channel)
    return f"Asked in {there} instead of {rule}, by {_whom(request.moved)}"


def left(request: Request, place: str | None) -> str:
    """Of a card at ``place``: that the request went elsewhere since, by an admin or for its fallback, or nothing."""
    if place is None or place == request.place or request.settled:
        return ""
    if request.moved is None:
        there = one_line(request.asked_in)
        why = "because nothing could be shown where it was asked before"
        return f"Asked in {there} now, {why}." if request.at_fallback else ""
    return f"Asked in {one_line(request.moved.channel)} now, by {_whom(request.moved)}"


def _whom(moved: Moved) -> str:
    return f"{one_line(moved.by)}{because(moved.why)}"
