"""How everything stands that admins may change: rules and where they lead now, routes, channels, pauses, keys."""

from __future__ import annotations

from collections.abc import Iterable

from sayso_bot.domain.effects import same_place, sent_elsewhere
from sayso_bot.domain.globs import Glob
from sayso_bot.domain.pauses import Pause
from sayso_bot.domain.policy import Route
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.office.rooms import INBOX, Tools
from sayso_bot.ports import ChannelNow, Illness, KeyNow, Overview, RouteNow, RuleNow


class Overviews:
    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def now(self) -> Overview:
        tools, configuration = self._tools, self._tools.configuration
        await configuration.refresh()
        policy = configuration.policy
        stored, used = await tools.store.configuration(policy.digest), await tools.books.last_used()
        ill = {illness.place: illness for illness in await tools.books.reported()}
        rules, routes = policy.routes(), configuration.routing.routes
        sent = {route.id: {id(rule) for rule, _ in sent_elsewhere(rules, route)} for route in routes}
        return Overview(
            version=configuration.epochs.routes,
            policy=policy.digest,
            rules=tuple(
                _rule(rule, [route for route in routes if id(rule) in sent[route.id]], configuration.pauses)
                for rule in rules
            ),
            routes=tuple(self._route(route, rules, ill) for route in sorted(routes, key=lambda each: each.at)),
            channels=tuple(self._channels(routes, ill)),
            pauses=tuple(configuration.pauses),
            keys=tuple(
                KeyNow(key, used.get(key.id))
                for key in sorted(stored.keys, key=lambda key: (key.revoked_at is not None, key.name, key.created_at))
            ),
            ill=tuple(ill.values()),
            read_at=configuration.read_at,
        )

    def _route(self, route: LiveRoute, rules: Iterable[Route], ill: dict[str, Illness]) -> RouteNow:
        known = self._tools.known().get(route.channel)
        shadowed = known is not None and not same_place(known, route.place)
        names = tuple(rule.rule for rule, _ in sent_elsewhere(rules, route))
        return RouteNow(route, names, shadowed, ill.get(route.place))

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


def _rule(rule: Route, sent: Iterable[LiveRoute], pauses: Iterable[Pause]) -> RuleNow:
    glob = Glob(rule.action)
    over = tuple(
        pause
        for pause in pauses
        if not pause.scope.agent and (not pause.scope.action or Glob(pause.scope.action).meets(glob))
    )
    return RuleNow(rule, tuple(sent), over)
