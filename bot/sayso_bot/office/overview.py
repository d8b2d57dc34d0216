"""How everything stands that admins may change: rules and where they lead now, routes, channels, pauses, keys."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from sayso_bot.domain.effects import same_place, sent_elsewhere
from sayso_bot.domain.globs import Glob
from sayso_bot.domain.pauses import Pause
from sayso_bot.domain.policy import Route
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.office.rooms import INBOX, Tools
from sayso_bot.ports import ChannelNow, Illness, KeyNow, Overview, RouteNow, RuleNow

Sent: TypeAlias = "Mapping[LiveRoute, tuple[int, ...]]"
"""Of each live route, the rules of whose requests it takes some elsewhere, by their number in the policy."""


class Overviews:
    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._seen: tuple[str, Sequence[LiveRoute]] | None = None
        self._known: Sent = {}

    async def now(self) -> Overview:
        tools, configuration = self._tools, self._tools.configuration
        await configuration.refresh()
        policy = configuration.policy
        stored, used = await tools.store.configuration(policy.digest), await tools.books.last_used()
        ill = {illness.place: illness for illness in await tools.books.reported()}
        rules, routes = policy.routes(), configuration.routing.routes
        sent = await self._sent(policy.digest, rules, routes)
        return Overview(
            version=configuration.epochs.routes,
            policy=policy.digest,
            rules=tuple(_rules(rules, sent, configuration.pauses)),
            routes=tuple(
                self._route(route, [rules[at].rule for at in sent[route]], ill)
                for route in sorted(routes, key=lambda each: each.at)
            ),
            channels=tuple(self._channels(routes, ill)),
            pauses=tuple(configuration.pauses),
            keys=tuple(
                KeyNow(key, used.get(key.id))
                for key in sorted(stored.keys, key=lambda key: (key.revoked_at is not None, key.name, key.created_at))
            ),
            ill=tuple(ill.values()),
            read_at=configuration.read_at,
        )

    async def _sent(self, policy: str, rules: Sequence[Route], routes: Sequence[LiveRoute]) -> Sent:
        """Looked at anew when the policy or the routes have changed, and beside what else the process does."""
        if self._seen != (policy, routes):
            self._known, self._seen = await asyncio.to_thread(_all_sent, rules, routes), (policy, routes)
        return self._known

    def _route(self, route: LiveRoute, names: Iterable[str], ill: dict[str, Illness]) -> RouteNow:
        known = self._tools.known().get(route.channel)
        shadowed = known is not None and not same_place(known, route.place)
        return RouteNow(route, tuple(names), shadowed, ill.get(route.place))

    def _channels(self, routes: Iterable[LiveRoute], ill: dict[str, Illness]) -> Iterable[ChannelNow]:
        policy, live = self._tools.configuration.policy.channels, self._tools.configuration.channels
        for name, place in {INBOX: INBOX, **policy}.items():
            yield ChannelNow(name, place, None, shadowed=False, routes=_leading_to(place, routes), ill=ill.get(place))
        for name, channel in sorted(live.items()):
            shadowed = name in policy
            there = _leading_to(channel.place, routes)
            yield ChannelNow(name, channel.place, channel, shadowed, there, ill.get(channel.place))


def _leading_to(place: str, routes: Iterable[LiveRoute]) -> tuple[LiveRoute, ...]:
    return tuple(route for route in routes if same_place(route.place, place))


def _all_sent(rules: Sequence[Route], routes: Sequence[LiveRoute]) -> Sent:
    at = {id(rule): number for number, rule in enumerate(rules)}
    return {route: tuple(at[id(rule)] for rule, _ in sent_elsewhere(rules, route, routes)) for route in routes}


def _rules(rules: Sequence[Route], sent: Sent, pauses: Iterable[Pause]) -> Iterable[RuleNow]:
    by_rule: defaultdict[int, list[LiveRoute]] = defaultdict(list)
    for route, concerned in sent.items():
        for number in concerned:
            by_rule[number].append(route)
    stops = [(pause, Glob(pause.scope.action or "*")) for pause in pauses if not pause.scope.agent]
    for number, rule in enumerate(rules):
        glob = Glob(rule.action)
        over = tuple(pause for pause, stopped in stops if stopped.meets(glob))
        yield RuleNow(rule, tuple(by_rule[number]), over)
