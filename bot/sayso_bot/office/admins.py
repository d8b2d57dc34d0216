"""Where admins are told something alone: at their accounts on platforms, never at an e-mail address."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic

from sayso_bot.domain.person import OPERATOR, Person
from sayso_bot.office.rooms import Tools
from sayso_bot.ports import ChatAdapter, LookupFailed

MOST_ADMINS = 20
TRIES = 5
LONGEST_PAUSE_SECONDS = 60.0


class Admins:
    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._failures = 0
        self._not_before = 0.0

    async def places(self, also: Iterable[str] = ()) -> list[str] | None:
        """The accounts of those whom the policy names, and of those who are to be told ``also``. None where a platform
        could not be asked about all of them for now, so that they are to be told later: after some tries those who were
        found are enough. Between tries it is asked less and less often.
        """
        if monotonic() < self._not_before:
            return None
        found: dict[str, None] = {}
        failed = False
        for name in dict.fromkeys((*also, *self._tools.configuration.policy.admins)):
            for adapter in self._who_know(name):
                try:
                    found |= dict.fromkeys(sorted(await self._accounts(name, adapter)))
                except LookupFailed as error:
                    failed = failed or not error.lasting
                    self._tools.log.warning("admin_not_found", admin=name, what=error.what)
        self._failures = self._failures + 1 if failed else 0
        if failed and (not found or self._failures < TRIES):
            self._not_before = monotonic() + min(LONGEST_PAUSE_SECONDS, 2.0 ** min(self._failures, 10) / 2)
            return None
        return list(found)[:MOST_ADMINS]

    def _who_know(self, name: str) -> list[ChatAdapter]:
        platform, _, rest = name.partition(":")
        if name == OPERATOR or not rest:
            return []
        adapters = self._tools.adapters
        return [adapters[platform]] if platform in adapters else list(adapters.values())

    async def _accounts(self, name: str, adapter: ChatAdapter) -> frozenset[str]:
        platform, _, rest = name.partition(":")
        if platform in self._tools.adapters:
            return await adapter.resolve(name)
        person = Person.known_as(rest, {name})
        return (await adapter.recognise(person)).aliases - person.aliases
