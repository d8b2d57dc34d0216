"""What admins are told of a place that cannot be reached, and which routes depend on it."""

from __future__ import annotations

import asyncio

from sayso_bot.domain.effects import same_place
from sayso_bot.domain.text import one_line
from sayso_bot.errors import SaysoError
from sayso_bot.office.admins import Admins
from sayso_bot.office.rooms import Tools
from sayso_bot.ports import ALARMS_LOOKED_AT, Alarm

FACT = "ill "
MOST_LISTED = 10
AT_ONCE = 50


class Illnesses:
    def __init__(self, tools: Tools, admins: Admins) -> None:
        self._tools = tools
        self._admins = admins

    async def report(self, place: str, what: str) -> None:
        """Put on the record that ``place`` cannot be reached, for ``what``, or (empty) that it can again. Once, however
        many find it out.
        """
        if await self._tools.books.report(place, what):
            log = self._tools.log.error if what else self._tools.log.info
            log("place_ill" if what else "place_well", place=place, what=what)

    async def tell(self) -> None:
        """Tell the admins, once, of each place that is on the record as ill, and, where they were told of one, that it
        can be reached again. Where it is not known now who they are, they are to be told at another look.
        """
        books = self._tools.books
        told = {fact: value for fact, value in (await books.all_told()).items() if fact.startswith(FACT)}
        ill = {f"{FACT}{illness.place}": illness for illness in await books.reported()}
        for fact in sorted(told.keys() | ill.keys()):
            now = f"{ill[fact].since.isoformat()} {ill[fact].what}" if fact in ill else ""
            if now == told.get(fact):
                continue
            told_at = await self._admins.places()
            if told_at is None:
                return
            place = fact.removeprefix(FACT)
            text = self._ill(place, ill[fact].what) if now else f"{self._named(place)} can be reached again."
            await books.tell(fact, now, told.get(fact, ""), self._tools.notices(text, told_at))

    async def reached(self, place: str) -> None:
        """Something was shown at ``place``. What could not be shown there is tried at once, and tells by being shown
        that the place is well; where nothing waits for that, the admins are told.
        """
        alarms = [alarm for alarm in await self._tools.store.alarms(ALARMS_LOOKED_AT) if same_place(alarm.place, place)]
        waiting: set[str] = set()
        for start in range(0, len(alarms), AT_ONCE):
            some = alarms[start : start + AT_ONCE]
            stuck = await asyncio.gather(*map(self._hasten, some))
            waiting |= {alarm.place for alarm, is_stuck in zip(some, stuck, strict=True) if is_stuck}
        for illness in await self._tools.books.reported():
            if same_place(illness.place, place) and illness.place not in waiting:
                await self.report(illness.place, "")

    async def _hasten(self, alarm: Alarm) -> bool:
        """Whether its request may be waiting there still."""
        try:
            request = await self._tools.store.glance(alarm.request_id)
            return request is not None and await self._tools.store.hasten(request, alarm.place)
        except SaysoError:  # it is tried in its own time
            return True

    def _ill(self, place: str, what: str) -> str:
        routes = [
            f"{route.action} (set by {one_line(route.by.name)})"
            for route in self._tools.configuration.routing.routes
            if same_place(route.place, place)
        ]
        rules = [
            one_line(rule.rule)
            for rule in self._tools.configuration.policy.routes()
            if rule.requirement is not None and same_place(rule.requirement.place, place)
        ]
        said = [f"{self._named(place)} cannot be reached ({what}). Requests for it can be answered in the inbox."]
        said += [f"Live routes that lead there: {_listed(routes)}."] if routes else []
        said += [f"Rules that ask there: {_listed(rules)}."] if rules else []
        return "\n".join(said)

    def _named(self, place: str) -> str:
        name = next((name for name, other in self._tools.known().items() if same_place(other, place)), None)
        return f"The channel {name} ({place})" if name else f"The channel {place}"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:MOST_LISTED]) + (
        f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    )
