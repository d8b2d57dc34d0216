"""Routes and channels: what is asked where, changed while everything runs.

A place is tested before anything leads to it. Routes and channels have one version, so that nobody changes what they
have not seen (decision 35).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any

from sayso_bot.domain.admin import Admin
from sayso_bot.domain.deeds import (
    MAX_NAME,
    Call,
    Done,
    Effect,
    ForgetChannel,
    NameChannel,
    SetRoute,
    TestChannel,
    UndoRoute,
)
from sayso_bot.domain.effects import (
    does_nothing,
    of_route,
    questions_of_route,
    same_place,
    till,
    touched,
    touched_by_undoing,
    without,
)
from sayso_bot.domain.globs import ACTION_PATTERN, Glob
from sayso_bot.domain.interventions import because
from sayso_bot.domain.notice import Notices
from sayso_bot.domain.policy import MAX_DURATION_SECONDS
from sayso_bot.domain.routing import LiveChannel, LiveRoute, new_route_id
from sayso_bot.domain.text import one_line
from sayso_bot.errors import Full, InUse, InvalidField, NoEffect, NotFound, Taken, Unavailable
from sayso_bot.office.rooms import INBOX, Proved, Target, Tools, changed
from sayso_bot.office.trials import Trials
from sayso_bot.ports import PlaceChange, PlacesAnswer

CHANNEL_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
LEAST_SECONDS = 60
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_NOBODY = Admin("", "", "")


class Whereabouts:
    deeds = (SetRoute, UndoRoute, NameChannel, ForgetChannel, TestChannel)
    versioned = True

    def __init__(self, tools: Tools, trials: Trials) -> None:
        self._tools = tools
        self._trials = trials

    async def was_done(self, call: Call) -> bool:
        return await self._tools.books.answered(call.operation)

    async def preview(self, deed: SetRoute | UndoRoute | NameChannel | ForgetChannel | TestChannel) -> Effect:
        match deed:
            case SetRoute():
                return await self._of_route(deed)
            case UndoRoute():
                route = self._found(deed.route)
                then = without(route, self._routes)
                line = f"{route.action} {then}. The route to {one_line(route.channel)} holds no longer."
                return self._effect("Undo a route", (line,))
            case NameChannel():
                return self._of_name(deed)
            case ForgetChannel():
                self._forgettable(deed.name)
                return self._effect("Forget a channel", (f"{deed.name} is no channel's name any more.",))
            case TestChannel():
                place, name = self._tools.place_of(deed.channel)
                return self._effect("Test a channel", (f"A message of Sayso's is posted to {name or place}.",))

    async def carry_out(
        self, deed: SetRoute | UndoRoute | NameChannel | ForgetChannel | TestChannel, by: Proved, call: Call
    ) -> Done:
        if await self.was_done(call) and not isinstance(deed, TestChannel):
            return await self._again(by, call)
        match deed:
            case SetRoute():
                return await self._set(deed, by, call)
            case UndoRoute():
                return await self._undo(deed, by, call)
            case NameChannel():
                return await self._name(deed, by, call)
            case ForgetChannel():
                return await self._forget(deed, by, call)
            case TestChannel():
                place, name = self._tools.place_of(deed.channel)
                await self._trials.test(
                    place, name or place, f"A test, which {one_line(by.admin.name)} asked for: {_CAN}"
                )
                return Done(f"A test message was posted to {name or place}.", self._tools.version)

    # ------------------------------------------------------------------ routes

    async def _of_route(self, deed: SetRoute) -> Effect:
        route, target = self._route(deed, _NOBODY)
        rules, routes = self._tools.configuration.policy.routes(), self._routes
        glob = Glob(route.action)
        pending = await self._tools.count(lambda request: glob.matches(request.action), action=route.action)
        naming = target.new is not None
        lines = of_route(route, rules, routes, pending, for_seconds=deed.for_seconds, naming=naming)
        return self._effect("Route", tuple(lines), tuple(questions_of_route(route, rules)))

    async def _set(self, deed: SetRoute, by: Proved, call: Call) -> Done:
        tools = self._tools
        route, target = self._route(deed, by.admin)
        await self._trials.test(route.place, route.channel, f"A test, before {route.action} is asked here: {_CAN}")
        before = next((each for each in self._routes if each.action == route.action), None)
        about = {"before": before and _told(before), "after": _told(route), "by": by.admin.about()}
        changes = [PlaceChange(route.id, route, "routes", "route_set", about)]
        if target.new is not None:
            changes.insert(0, _naming(target.new, None, by.admin))
        text = (
            f"{one_line(by.admin.name)} routed {route.action} to {one_line(route.channel)} {till(route.until)}"
            f"{because(route.why)} Who may approve, how many and how long stay as they were. Pending requests stay"
            " where they are."
        )
        places = touched(tools.configuration.policy.routes(), route, self._routes)
        answer = await self._changed(changes, tools.notices(text, places), route.id, by, call)
        where = f"{route.action} is asked in {one_line(route.channel)} {till(route.until)}."
        return await self._answered(answer, f"{where} Pending requests stay where they are.", route)

    async def _undo(self, deed: UndoRoute, by: Proved, call: Call) -> Done:
        route = self._found(deed.route)
        about = {"before": _told(route), "after": None, "by": by.admin.about(), "why": deed.why}
        then = without(route, self._routes)
        text = (
            f"{one_line(by.admin.name)} undid the route of {route.action} to {one_line(route.channel)}, which"
            f" {one_line(route.by.name)} had set{because(deed.why)} It {then}."
        )
        places = touched_by_undoing(self._tools.configuration.policy.routes(), route, self._routes)
        changes = [PlaceChange(route.id, None, "routes", "route_undone", about)]
        answer = await self._changed(changes, self._tools.notices(text, places), route.id, by, call)
        said = f"{route.action} {then}. It was routed to {one_line(route.channel)}."
        return Done(said, answer.version, route, replayed=answer.code == "replay")

    def _route(self, deed: SetRoute, by: Admin) -> tuple[LiveRoute, Target]:
        """The route that ``deed`` wants. Raises `InvalidField`, and `NoEffect` where it would change nothing."""
        if not ACTION_PATTERN.match(deed.action):
            raise InvalidField(
                "action is one pattern of up to 128 letters, digits and _ . : / - with * for any run of them. Nothing"
                " was changed.",
                field="action",
            )
        configuration, target = self._tools.configuration, self._target(deed, by)
        now, until = configuration.read_at, deed.until
        if deed.for_seconds is not None:
            if until is not None or not LEAST_SECONDS <= deed.for_seconds <= MAX_DURATION_SECONDS:
                raise _bad_end()
            until = now + timedelta(seconds=deed.for_seconds)
        if until is not None and not now < until <= now + timedelta(seconds=MAX_DURATION_SECONDS):
            raise _bad_end()
        end = until and until.astimezone(UTC)
        route = LiveRoute(new_route_id(), deed.action, target.channel, target.place, by, deed.why, now, end)
        why_not = does_nothing(route, configuration.policy.routes(), self._routes)
        if why_not is not None:
            raise NoEffect(f"{why_not} Nothing was changed.", field="channel")
        return route, target

    def _target(self, deed: SetRoute, by: Admin) -> Target:
        place, name = self._tools.place_of(deed.to)
        if name is not None:
            return Target(name, place)
        known = {*self._tools.known(), *(route.channel for route in self._routes)}
        stem = _NOT_A_NAME.sub("-", deed.called or place).strip("-.")[: MAX_NAME - 3] or "channel"
        free = next(text for text in (stem, *(f"{stem}-{n}" for n in range(2, 1000))) if text not in known)
        return Target(free, place, LiveChannel(free, place, by, deed.why, self._tools.configuration.read_at))

    @property
    def _routes(self) -> Sequence[LiveRoute]:
        return self._tools.configuration.routing.routes

    def _found(self, wanted: str) -> LiveRoute:
        for route in self._routes:
            if wanted in (route.id, route.action):
                return route
        raise NotFound(
            f"There is no live route {one_line(wanted)[:140]}. It may be over, or undone. Nothing was changed."
        )

    # ------------------------------------------------------------------ channels

    def _of_name(self, deed: NameChannel) -> Effect:
        place, before = self._named(deed), self._tools.configuration.channels.get(deed.name)
        lines = [f"{place} may be called {deed.name} in routes and moves."]
        if before is not None:
            named_by = f"{one_line(before.by.name)} had named it{because(before.why)}"
            lines.append(f"{before.place} is called {deed.name} no longer. {named_by}")
        return self._effect("Name a channel", tuple(lines))

    async def _name(self, deed: NameChannel, by: Proved, call: Call) -> Done:
        tools, place = self._tools, self._named(deed)
        await self._trials.test(place, deed.name, f"A test, before this channel may be called {deed.name}: {_CAN}")
        before = tools.configuration.channels.get(deed.name)
        channel = LiveChannel(deed.name, place, by.admin, deed.why, tools.configuration.read_at)
        name, why = one_line(by.admin.name), because(deed.why)
        text = f"{name} named this channel {deed.name} in Sayso{why} Admins may route requests to it."
        notices = list(tools.notices(text, [place]))
        if before is not None:
            text = f"{name} gave the name {deed.name}, which this channel had in Sayso, to {place}{why}"
            notices += tools.notices(text, [before.place])
        answer = await self._changed([_naming(channel, before, by.admin)], notices, deed.name, by, call)
        return Done(
            f"{place} may be called {deed.name} now.", answer.version, channel, replayed=answer.code == "replay"
        )

    def _named(self, deed: NameChannel) -> str:
        """The place that ``deed`` names. Raises `InvalidField`, `Taken`, `NoEffect`, and `InUse` where routes lead to
        another place under that name."""
        if not CHANNEL_NAME.match(deed.name):
            raise InvalidField(
                "A name has up to 64 letters, digits, points, dashes and underscores. Nothing was changed.",
                field="name",
            )
        place, policy = self._tools.address(deed.place), self._tools.configuration.policy.channels
        if deed.name in (INBOX, *policy):
            raise Taken(
                f"{deed.name} is a name of the policy's already ({policy.get(deed.name, INBOX)}), and the policy's"
                " names stand. Nothing was changed; choose another name.",
                field="name",
            )
        before = self._tools.configuration.channels.get(deed.name)
        if before is not None and same_place(before.place, place):
            raise NoEffect(f"{deed.name} is {before.place} already. Nothing was changed.", field="place")
        self._check_unused(deed.name, [route for route in self._routes if not same_place(route.place, place)])
        return place

    async def _forget(self, deed: ForgetChannel, by: Proved, call: Call) -> Done:
        before = self._forgettable(deed.name)
        about = {"before": _told(before), "after": None, "by": by.admin.about(), "why": deed.why}
        change = PlaceChange(deed.name, None, "channels", "channel_forgotten", about)
        text = f"{one_line(by.admin.name)} took the name {deed.name} from this channel in Sayso{because(deed.why)}"
        answer = await self._changed([change], self._tools.notices(text, [before.place]), deed.name, by, call)
        return Done(
            f"{deed.name} is no channel's name any more.", answer.version, before, replayed=answer.code == "replay"
        )

    def _forgettable(self, name: str) -> LiveChannel:
        channel = self._tools.configuration.channels.get(name)
        if channel is None:
            policy = name in self._tools.configuration.policy.channels
            why = "is the policy's, so only the policy can drop it" if policy else "is no name that an admin gave"
            raise NotFound(f"{one_line(name)[:80]} {why}. Nothing was changed.")
        self._check_unused(name, self._routes)
        return channel

    @staticmethod
    def _check_unused(name: str, routes: Sequence[LiveRoute]) -> None:
        depend = [route for route in routes if route.channel == name]
        if depend:
            there = f"{', '.join(route.action for route in depend[:5])} leads to {name}, which is {depend[0].place}"
            raise InUse(f"The route of {there}. Nothing was changed; undo it first.")

    # ------------------------------------------------------------------ mechanics

    async def _changed(
        self, changes: Sequence[PlaceChange], notices: Notices, what: str, by: Proved, call: Call
    ) -> PlacesAnswer:
        answer = await self._tools.books.change_places(
            changes, notices, version=call.version, what=what, operation=call.operation, epochs=by.epochs
        )
        if answer.code == "changed":
            raise changed()
        if answer.code == "past":
            raise _bad_end()
        if answer.code == "full":
            raise Full("There are 500 of them already. Nothing was changed; remove some first.")
        return answer

    async def _again(self, by: Proved, call: Call) -> Done:
        """What an earlier call of the same operation has done, as it stands now."""
        answer = await self._changed([], [], "", by, call)
        return await self._answered(answer, "That was done before. Nothing more was changed.")

    async def _answered(self, answer: PlacesAnswer, said: str, made: LiveRoute | None = None) -> Done:
        """``made`` stands where it cannot be read again: this call has put it there."""
        configuration = self._tools.configuration
        try:
            await configuration.refresh()
        except Unavailable:
            if made is None or made.id != answer.what:
                raise
            return Done(said, answer.version, made)
        route = next((route for route in configuration.routing.routes if route.id == answer.what), None)
        thing = route or configuration.channels.get(answer.what)
        return Done(said, answer.version, thing, replayed=answer.code == "replay")

    def _effect(self, title: str, lines: tuple[str, ...], questions: tuple[str, ...] = ()) -> Effect:
        return Effect(title, lines, questions, self._tools.version)


_CAN = "Sayso can post in this channel. This message asks nothing."


def _bad_end() -> InvalidField:
    return InvalidField(
        "The end of a route is a time that is yet to come, at least a minute and at most 366 days away. Nothing was"
        " changed.",
        field="until",
    )


def _naming(channel: LiveChannel, before: LiveChannel | None, by: Admin) -> PlaceChange:
    about = {"before": before and _told(before), "after": _told(channel), "by": by.about()}
    return PlaceChange(channel.name, channel, "channels", "channel_named", about)


def _told(thing: LiveRoute | LiveChannel) -> dict[str, Any]:
    """For the record."""
    if isinstance(thing, LiveChannel):
        return {"name": thing.name, "place": thing.place, "why": thing.why, "by": thing.by.name}
    about = {name: getattr(thing, name) for name in ("id", "action", "channel", "place", "why")}
    return {**about, "until": thing.until and thing.until.isoformat(), "by": thing.by.name}
