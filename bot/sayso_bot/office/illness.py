"""What admins are told of a place that cannot be reached, and which routes depend on it."""

from __future__ import annotations

from collections.abc import Iterable

from sayso_bot.domain.effects import same_place
from sayso_bot.domain.person import OPERATOR, Person
from sayso_bot.domain.text import one_line
from sayso_bot.office.rooms import Tools
from sayso_bot.ports import LookupFailed

MOST_ADMINS = 20
MOST_LISTED = 10


class Illnesses:
    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def report(self, place: str, what: str) -> None:
        """Tell the admins once that ``place`` cannot be reached, for ``what``, or (empty) that it can again."""
        text = self._ill(place, what) if what else f"{self._named(place)} can be reached again."
        notices = self._tools.notices(text, await self._admins())
        if await self._tools.books.report(place, what, notices):
            log = self._tools.log.error if what else self._tools.log.info
            log("place_ill" if what else "place_well", place=place, what=what)

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

    async def _admins(self) -> list[str]:
        """The places at which admins are told something alone: their accounts on platforms, never an e-mail address."""
        found: dict[str, None] = {}
        for name in self._tools.configuration.policy.admins:
            for alias in sorted(await self._accounts(name)):
                found.setdefault(alias)
        return list(found)[:MOST_ADMINS]

    async def _accounts(self, name: str) -> Iterable[str]:
        platform, _, rest = name.partition(":")
        if name == OPERATOR or not rest:
            return ()
        aliases: set[str] = set()
        try:
            if platform in self._tools.adapters:
                return await self._tools.adapters[platform].resolve(name)
            person = Person.known_as(rest, {name})
            for adapter in self._tools.adapters.values():
                aliases |= (await adapter.recognise(person)).aliases - person.aliases
        except LookupFailed as error:
            self._tools.log.warning("admin_not_found", admin=name, what=error.what)
        return aliases


def _listed(names: list[str]) -> str:
    return ", ".join(names[:MOST_LISTED]) + (
        f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    )
