"""What a deed would do, before it is done: sentences for the admin, and the questions to which they must say yes.

Pure: given the rules of the policy, the live routes and what is pending. A route that would do nothing, or everything,
is asked about again, and so is one whose cards nobody could answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sayso_bot.domain.globs import Glob
from sayso_bot.domain.interventions import because
from sayso_bot.domain.pauses import Scope
from sayso_bot.domain.policy import Route, format_duration
from sayso_bot.domain.request import Requirement
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.domain.text import one_line

MOST_TOLD = 12
INBOX = "inbox"
_glob = lru_cache(32_768)(Glob)


@dataclass(frozen=True, slots=True)
class Pending:
    """How many pending requests a deed concerns; ``more``: at least so many, because nobody counted on."""

    count: int
    more: bool = False

    def __bool__(self) -> bool:
        return self.more or self.count > 0

    @property
    def one(self) -> bool:
        return self.count == 1 and not self.more

    def __str__(self) -> str:
        if not self.count:
            return "Any pending requests"
        return f"{'At least ' if self.more else ''}{self.count} pending request{'' if self.count == 1 else 's'}"


def same_place(one: str, other: str) -> bool:
    """Whether two addresses are one place: the same, or ``slack:C1`` and ``slack:T1/C1``."""
    if one == other or not one.startswith("slack:") or not other.startswith("slack:"):
        return one == other
    (team, _, channel), (other_team, _, other) = (text.removeprefix("slack:").rpartition("/") for text in (one, other))
    return channel == other and "" in (team, other_team)


def asked_by(rules: Iterable[Route], pattern: str) -> list[tuple[Route, Requirement]]:
    """The rules that ask people about some action that ``pattern`` names, of those that can be reached: none below the
    first rule without a condition that takes all of them."""
    glob = _glob(pattern)
    found: list[tuple[Route, Requirement]] = []
    for rule in rules:
        named = _glob(rule.action)
        if not glob.meets(named):
            continue
        if rule.requirement is not None:
            found.append((rule, rule.requirement))
        if not rule.conditional and named.covers(glob):
            break
    return found


def beaten(route: LiveRoute, routes: Iterable[LiveRoute]) -> list[LiveRoute]:
    """Those of ``routes`` that have some of what ``route`` names where it is not there, the strongest first: none that
    counts before it, none of its own pattern, and none below one that takes all."""
    glob, strength = _glob(route.action), route.strength
    meeting = [other for other in routes if other.action != route.action and glob.meets(_glob(other.action))]
    found: list[LiveRoute] = []
    for other in sorted(meeting, key=lambda each: each.strength, reverse=True):
        if other.strength > strength:
            continue
        found.append(other)
        if _takes_all(other, route):
            break
    return found


def _takes_all(broad: LiveRoute, route: LiveRoute) -> bool:
    return _glob(broad.action).covers(_glob(route.action))


def sent_elsewhere(
    rules: Iterable[Route], route: LiveRoute, routes: Iterable[LiveRoute] = ()
) -> list[tuple[Route, Requirement]]:
    """The rules of whose requests ``route`` takes some to another place than they have them, or than those of
    ``routes`` that count after it."""
    others = [_glob(other.action) for other in beaten(route, routes) if not same_place(other.place, route.place)]
    return [
        (rule, asked)
        for rule, asked in asked_by(rules, route.action)
        if not same_place(asked.place, route.place) or any(other.meets(_glob(rule.action)) for other in others)
    ]


def touched(rules: Sequence[Route], route: LiveRoute, routes: Iterable[LiveRoute]) -> list[str]:
    """The places that ``route`` concerns among ``routes``: its own, that of the route that it replaces or of those from
    which it takes cards, and those of the rules."""
    routes = list(routes)
    losing = [other for other in routes if other.action == route.action] or beaten(route, routes)
    return _places(rules, route, losing, sent_elsewhere(rules, route))


def touched_by_undoing(rules: Sequence[Route], route: LiveRoute, routes: Iterable[LiveRoute]) -> list[str]:
    """The place that loses the cards of ``route``, and those that get them."""
    heirs = beaten(route, routes)
    whole = any(_takes_all(heir, route) for heir in heirs)
    return _places(rules, route, heirs, [] if whole else sent_elsewhere(rules, route))


def _places(
    rules: Iterable[Route],
    route: LiveRoute,
    others: Iterable[LiveRoute],
    concerned: Iterable[tuple[Route, Requirement]],
) -> list[str]:
    """Of the places those at which there are cards: none but the route's own where nobody is asked."""
    places = [asked.place for _, asked in concerned]
    places += [other.place for other in others] if asked_by(rules, route.action) else []
    return list(dict.fromkeys([route.place, *places]))


# --------------------------------------------------------------------------- routes


def of_route(
    route: LiveRoute,
    rules: Sequence[Route],
    routes: Iterable[LiveRoute],
    pending: Pending,
    *,
    for_seconds: int | None = None,
    naming: bool = False,
) -> Iterator[str]:
    """What ``route`` would do among ``routes``, one of which it may replace. ``naming``: its place gets its name so.

    With ``for_seconds`` its end is so long after whoever looks at this confirms it.
    """
    if for_seconds is None:
        yield f"{route.action} is asked in {one_line(route.channel)} {till(route.until)}."
    else:
        long = f"for {format_duration(for_seconds)} from when this is confirmed; if that is now, {till(route.until)}"
        yield f"{route.action} is asked in {one_line(route.channel)} {long}."
    if naming:
        yield f"{one_line(route.channel)} is {route.place}, which has no name in Sayso yet and gets this one."
    concerned = sent_elsewhere(rules, route)
    for rule, asked in concerned[:MOST_TOLD]:
        condition = ", under a condition" if rule.conditional else ""
        yield f"“{one_line(rule.rule)}” ({rule.action}{condition}): {_stays(asked)}"
    if len(concerned) > MOST_TOLD:
        yield f"{len(concerned) - MOST_TOLD} more rules the same way."
    for other in routes:
        if other.action == route.action:
            set_by = f"{one_line(other.by.name)} set{because(other.why)}"
            yield f"It replaces the route to {one_line(other.channel)} that {set_by}"
        elif Glob(other.action).meets(Glob(route.action)):
            first = other.strength[:2] > route.strength[:2]
            counts = "counts before it" if first else "counts after it"
            yield f"The route of {other.action} to {one_line(other.channel)} {counts} where both name an action."
    if pending:
        stays, along = ("stays where it is", "it") if pending.one else ("stay where they are", "them")
        yield f"{pending} {stays}; move takes {along} along."


def _stays(asked: Requirement) -> str:
    channel = one_line(asked.channel)
    many = "1 approval" if asked.quorum == 1 else f"{asked.quorum} approvals"
    if asked.approvers is not None:
        who = one_line(asked.group or ", ".join(asked.approvers))
        return f"not in {channel} any more; {many} from {who}, as before."
    who = "who signed in to the inbox" if asked.place == INBOX else f"who is in {channel}"
    return f"not in {channel} any more. It names no approvers, so {who} may answer, as before, and nobody else."


def questions_of_route(route: LiveRoute, rules: Sequence[Route]) -> Iterator[str]:
    asking = asked_by(rules, route.action)
    if not asking:
        yield f"No rule that asks people names an action of {route.action}, so this would do nothing now."
    elif names_everything(route.action, rules):
        yield f"{route.action} names every action that is asked."
    if route.place != INBOX:
        for rule, asked in asking:
            if asked.approvers is None and asked.place == INBOX and not asked.operator:
                yield (
                    f"“{one_line(rule.rule)}” names no approvers, so people answer in the inbox alone: nobody could"
                    f" answer in {one_line(route.channel)}."
                )


def names_everything(pattern: str, rules: Iterable[Route]) -> bool:
    """Whether ``pattern`` is a star, or names all that several rules ask."""
    if not pattern.strip("*"):
        return True
    glob, asking = Glob(pattern), [rule for rule in rules if rule.requirement is not None]
    return len({rule.action for rule in asking}) > 1 and all(glob.covers(Glob(rule.action)) for rule in asking)


def without(route: LiveRoute, routes: Iterable[LiveRoute]) -> str:
    """Where what ``route`` names is asked among ``routes`` once it is undone: the end of a sentence."""
    heirs = beaten(route, routes)
    named = [f"{one_line(heir.channel)}, as the route of {heir.action} has it" for heir in heirs]
    if not heirs:
        return "is asked where the policy says again"
    if _takes_all(heirs[-1], route):
        return f"is asked in {'; some of it in '.join(reversed(named))}"
    return f"is asked where the policy says again; some of it in {'; some of it in '.join(named)}"


def does_nothing(route: LiveRoute, rules: Sequence[Route], routes: Sequence[LiveRoute]) -> str | None:
    """Why ``route`` would change nothing among ``routes``, if so: a question is no use there."""
    replaced = next((other for other in routes if other.action == route.action), None)
    if replaced is not None and (replaced.place, replaced.until) == (route.place, route.until):
        return f"{route.action} is routed to {one_line(route.channel)} like that already."
    asking = asked_by(rules, route.action)
    if asking and not sent_elsewhere(rules, route, routes):
        undo = " Undo its route instead." if replaced is not None else ""
        return f"The policy asks all of {route.action} in {one_line(route.channel)} anyway.{undo}"
    return None


def till(until: datetime | None) -> str:
    return "for good" if until is None else f"until {until:%-d %b %Y, %H:%M} UTC"


# --------------------------------------------------------------------------- pauses


def of_pause(scope: Scope, pending: Pending) -> Iterator[str]:
    what = "" if scope == Scope() else f" of {scope.words}"
    yield f"Nothing{what} is asked, approved or edited until somebody resumes it."
    yield "Denials, withdrawals and deadlines go on. Approvals given so far stay on the record."
    if pending:
        cards = "its card" if pending.one else "their cards"
        yield f"{pending} will wait, and say so on {cards}."


def questions_of_pause(scope: Scope, rules: Sequence[Route], agents: Iterable[str]) -> Iterator[str]:
    if scope.action:
        if not any(Glob(scope.action).meets(Glob(rule.action)) for rule in rules):
            yield f"No rule names an action of {scope.action}, so there is nothing to pause now."
        elif names_everything(scope.action, rules):
            yield f"{scope.action} names every action that is asked."
    if scope.agent and scope.agent not in set(agents):
        yield f"No valid key is called “{scope.agent}”, so no agent of that name can ask now."


def touched_by_pause(
    scope: Scope, rules: Sequence[Route], routes: Iterable[LiveRoute], patterns: Iterable[str]
) -> list[str]:
    """The places at which is asked what a pause stops. ``patterns`` are what the paused agent's keys may ask for."""
    stopped = [scope.action] if scope.action else list(patterns) if scope.agent else ["*"]
    places = [asked.place for pattern in stopped for _, asked in asked_by(rules, pattern)]
    meets = [Glob(pattern).meets for pattern in stopped]
    places += [route.place for route in routes if any(meet(Glob(route.action)) for meet in meets)]
    return list(dict.fromkeys(places))
