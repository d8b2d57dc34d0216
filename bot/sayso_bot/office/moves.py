"""Moves: pending requests are asked elsewhere from now on. Only their cards go; who may answer stays as it was."""

from __future__ import annotations

from collections.abc import Callable

from sayso_bot.domain.deeds import Call, Done, Effect, Move, MovedAlong
from sayso_bot.domain.effects import same_place
from sayso_bot.domain.globs import ACTION_PATTERN, Glob
from sayso_bot.domain.interventions import because
from sayso_bot.domain.request import REQUEST_ID, Moved, Outline, Status, new_button
from sayso_bot.domain.text import one_line
from sayso_bot.errors import InvalidField, NoEffect, NotFound, Settled
from sayso_bot.office.rooms import INBOX, Proved, Tools
from sayso_bot.office.trials import Trials
from sayso_bot.ports import Again, Filter

MOST_MOVED = 200
LOOK_TO_MOVE = 10_000
TRIES = 5


class Moves:
    deeds = (Move,)
    versioned = True

    def __init__(self, tools: Tools, trials: Trials) -> None:
        self._tools = tools
        self._trials = trials

    async def was_done(self, call: Call) -> bool:
        """The first request that a move takes along bears the move's own name."""
        return await self._tools.books.answered(call.operation)

    async def preview(self, deed: Move) -> Effect:
        place, channel = self._target(deed)
        found, more = await self._wanted(deed, place)
        many = f"{len(found)} pending request{'' if len(found) == 1 else 's'} will be asked in {one_line(channel)}"
        lines = [f"{many}{' now; more may follow' if more else ''}. Who may answer stays as it is."]
        lines += [f"{request.action}, asked by {request.agent} ({request.id})" for request in found[:10]]
        if place != INBOX and any(_only_in_the_inbox(request) for request in found):
            question = (
                "The rule of some names no approvers, so people answer in the inbox alone: nobody could answer in"
                f" {one_line(channel)}."
            )
            return Effect("Move", tuple(lines), (question,), self._tools.version)
        return Effect("Move", tuple(lines), (), self._tools.version)

    async def carry_out(self, deed: Move, by: Proved, call: Call) -> Done:
        place, channel = self._target(deed)
        replayed = await self.was_done(call)
        if replayed:
            found, more = await self._left(deed, place)
        else:
            found, more = await self._wanted(deed, place)
            test = f"A test, before {one_line(by.admin.name)} moves requests here: Sayso can post in this channel."
            await self._trials.test(place, channel, test)
        moved: list[str] = []
        ended = 0
        for request in reversed(found):
            first = deed.request or not (moved or replayed)
            operation = call.operation if first else f"{call.operation}:{request.id}"
            if await self._along(request, place, channel, deed.why, by, operation):
                moved.append(request.id)
            else:
                ended += 1
        many = f"{len(moved)} request{' is' if len(moved) == 1 else 's are'}"
        said = f"{many} asked in {one_line(channel)} now{because(deed.why)}"
        if ended:
            said += f" {ended} ended meanwhile, or {'was' if ended == 1 else 'were'} there already."
        if more:
            said += f" There may be more: {MOST_MOVED} are moved at once, so move them again."
        return Done(said, self._tools.version, MovedAlong(channel, tuple(moved), ended + more), replayed)

    async def _along(self, request: Outline, to: str, channel: str, why: str, by: Proved, operation: str) -> bool:
        """Move one; False where it has ended meanwhile or is there already."""
        is_pushed = to != INBOX
        rule = request.requirement
        home = rule is not None and same_place(rule.place, to)
        moved = Moved(rule.channel if home and rule else channel, by.admin.name, why)
        for _ in range(TRIES):
            button = new_button() if is_pushed else ""
            try:
                code = await self._tools.books.take_along(
                    request, to, button, moved, by.admin, operation=operation, epochs=by.epochs
                )
            except Again:
                seen = await self._look(request.id)
                if seen.place == request.place:
                    raise
                request = seen
            else:
                return code in ("ok", "replay")
        raise Again

    def _target(self, deed: Move) -> tuple[str, str]:
        if bool(deed.request) == bool(deed.action) or (deed.action and not ACTION_PATTERN.match(deed.action)):
            raise InvalidField("Name one request, or an action pattern. Nothing was changed.", field="action")
        place, name = self._tools.place_of(deed.to)
        return place, name or place

    async def _wanted(self, deed: Move, place: str) -> tuple[list[Outline], bool]:
        """The requests to be moved, the newest first; and whether there may be more than are moved at once."""
        if not deed.request:
            found, more = await self._named(deed, lambda request: not _is_there(request, place))
            if not found and more:
                raise NoEffect(
                    f"Of the newest {LOOK_TO_MOVE} pending requests none of {deed.action} is asked anywhere else, and"
                    " older ones are not looked at. Nothing was changed; name an exact action, or a request's id.",
                    field="action",
                )
            if not found:
                why_not = f"No pending request of {deed.action} is asked anywhere else."
                raise NoEffect(f"{why_not} Nothing was changed.", field="action")
            return found, more
        request = await self._look(deed.request)
        if request.settled:
            raise Settled(f"The request is {request.status} already, so it is moved nowhere. Nothing was changed.")
        if _is_there(request, place):
            raise NoEffect("The request is asked there already. Nothing was changed.", field="channel")
        return [request], False

    async def _left(self, deed: Move, place: str) -> tuple[list[Outline], bool]:
        """What an earlier call of the same may have left. Those that are there count, so that it and its repetitions
        together move no more than one call does."""
        if deed.request:
            return [await self._look(deed.request)], False
        found, more = await self._named(deed, lambda _: True)
        return [request for request in found if not _is_there(request, place)], more

    async def _named(self, deed: Move, wanted: Callable[[Outline], bool]) -> tuple[list[Outline], bool]:
        """The wanted ones of those that the pattern names, as many as may be moved at once; and whether there may be
        more."""
        glob = Glob(deed.action)
        return await self._tools.pending(
            lambda request: glob.matches(request.action) and wanted(request),
            Filter(Status.PENDING, deed.action if glob.exact else None),
            MOST_MOVED,
            LOOK_TO_MOVE,
        )

    async def _look(self, request_id: str) -> Outline:
        request = await self._tools.store.glance(request_id) if REQUEST_ID.match(request_id) else None
        if request is None:
            raise NotFound("There is no request with this id. Nothing was changed.")
        return request


def _is_there(request: Outline, place: str) -> bool:
    """A request without a card is in the inbox alone."""
    return same_place(request.place or INBOX, place)


def _only_in_the_inbox(request: Outline) -> bool:
    rule = request.requirement
    return rule is not None and rule.approvers is None and rule.place == INBOX and not rule.operator
