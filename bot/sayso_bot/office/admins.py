"""Where admins are told something alone: at their accounts on platforms, never at an e-mail address."""

from __future__ import annotations

from collections.abc import Iterable

from sayso_bot.domain.person import OPERATOR, Person
from sayso_bot.office.rooms import Tools
from sayso_bot.ports import ChatAdapter, LookupFailed

MOST_ADMINS = 20


class Admins:
    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def places(self, also: Iterable[str] = ()) -> list[str] | None:
        """The accounts of those whom the policy names, and of those who are to be told ``also``. None where nobody was
        found because a platform could not be asked: then they are to be told later.
        """
        found: dict[str, None] = {}
        failed = False
        for name in dict.fromkeys((*also, *self._tools.configuration.policy.admins)):
            for adapter in self._who_know(name):
                try:
                    found |= dict.fromkeys(sorted(await self._accounts(name, adapter)))
                except LookupFailed as error:
                    failed = True
                    self._tools.log.warning("admin_not_found", admin=name, what=error.what)
        return None if failed and not found else list(found)[:MOST_ADMINS]

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
