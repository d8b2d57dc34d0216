"""A policy held against the platforms: channels that cannot be posted to, open ones, approvers who are nobody.

Nothing is posted. What a platform does not say now is a problem too: whoever asked for it to be looked at must not take
silence for a yes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Requirement
from sayso_bot.policy.directory import Directory
from sayso_bot.policy.engine import LoadedPolicy
from sayso_bot.policy.places import INBOX, is_person
from sayso_bot.policy.problems import Mark, Problem, Problems
from sayso_bot.policy.rules import Asking, Rule
from sayso_bot.ports import ChatAdapter, LooksAtPlaces, LookupFailed, PlaceLook

_HERE = frozenset({"email", "operator", INBOX})


@dataclass(frozen=True, slots=True)
class LiveFindings:
    """``problems`` keep a policy from doing what it says; ``warnings`` an admin should know of."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


@dataclass(slots=True)
class _Looker:
    """What was asked of the platforms, once each."""

    adapters: Mapping[str, ChatAdapter]
    problems: Problems
    places: dict[str, PlaceLook | None] = field(default_factory=dict)
    people: dict[str, frozenset[str] | None] = field(default_factory=dict)
    owned: dict[str, frozenset[str]] = field(default_factory=dict)

    async def place(self, place: str) -> PlaceLook | None:
        """How a place stands; None where its platform has nothing to look at."""
        if place not in self.places:
            adapter = self.adapters.get(place.partition(":")[0])
            if place == INBOX:
                self.places[place] = None
            elif adapter is None:
                self.places[place] = PlaceLook(False, f"{place}: that platform is not set up in this environment.")
            else:
                self.places[place] = await adapter.look_at(place) if isinstance(adapter, LooksAtPlaces) else None
        return self.places[place]

    async def accounts_of(self, address: str) -> frozenset[str]:
        """The accounts that the platforms know by a confirmed address (``email:…``). Raises `LookupFailed`."""
        if address not in self.owned:
            person = Person.known_as(address, {address})
            for adapter in self.adapters.values():
                person = await adapter.recognise(person)
            self.owned[address] = person.aliases - {address}
        return self.owned[address]

    async def resolved(self, approver: str) -> frozenset[str] | None:
        """The accounts that an approver stands for; None where the platform could not be asked."""
        platform, _, rest = approver.partition(":")
        if not rest or platform in _HERE:
            return frozenset({approver})
        if approver not in self.people:
            adapter = self.adapters.get(platform)
            try:
                self.people[approver] = None if adapter is None else await adapter.resolve(approver, fresh=True)
            except LookupFailed:
                self.people[approver] = None
        return self.people[approver]


async def look(policy: LoadedPolicy, adapters: Mapping[str, ChatAdapter], source: str) -> LiveFindings:
    """What ``adapters``, by platform, say about the places and people that ``policy`` names."""
    problems = Problems(source)
    looker = _Looker(adapters, problems)
    known = Directory(policy.channels, policy.groups, policy.people)
    for rule in policy.in_order:
        requirement, asking = rule.verdict.requirement, rule.asking
        if requirement is not None and asking is not None:
            await _look_at_places(rule, requirement, asking, looker)
            if requirement.approvers is not None and asking.approvers is not None:
                await _look_at_people(rule, requirement, asking, looker, known)
    if policy.admins_at is not None and await _people(policy.admins, policy.admins_at, looker) == set():
        problems.add(policy.admins_at, "Nobody could administer but the operator and keys of kind admin.")
    return LiveFindings(problems.listed(), problems.warnings())


async def _look_at_places(rule: Rule, requirement: Requirement, asking: Asking, looker: _Looker) -> None:
    where: list[tuple[str, Mark]] = [(requirement.place, asking.channel)]
    if requirement.fallback_place and asking.fallback:
        where.append((requirement.fallback_place, asking.fallback))
    for place, mark in where:
        found = await looker.place(place)
        if found is None:
            continue
        if not found.ok:
            looker.problems.add(mark, found.detail)
        if found.open and requirement.approvers is None and not is_person(place):
            sentence = f'{place} is open: whoever joins it may answer what the rule "{rule.name}" asks. Name approvers.'
            (looker.problems.add if requirement.high_risk else looker.problems.warn)(mark, sentence)


async def _look_at_people(
    rule: Rule, requirement: Requirement, asking: Asking, looker: _Looker, known: Directory
) -> None:
    if asking.approvers is None:
        return
    people = await _people(requirement.approvers or (), asking.approvers, looker)
    if people is not None and requirement.quorum > 1:
        people = await _each_once(people, asking.approvers, looker)
    if people is not None:
        _check_count(rule, requirement, asking, looker.problems, known.count(people))


async def _each_once(people: set[str], mark: Mark, looker: _Looker) -> set[str] | None:
    """``people`` without the accounts of those whose address is there too; None where that could not be looked up."""
    addresses = {alias for alias in people if alias.startswith("email:")}
    others = people - addresses
    for address in sorted(addresses) if others else ():
        try:
            others -= await looker.accounts_of(address)
        except LookupFailed:
            looker.problems.add(mark, f"{address} could not be looked up, so it is not known who that is.")
            return None
    return addresses | others


async def _people(named: Iterable[str], mark: Mark, looker: _Looker) -> set[str] | None:
    """The accounts that ``named`` stand for; None where some could not be looked up."""
    people, unknown = set[str](), False
    for approver in named:
        accounts = await looker.resolved(approver)
        if accounts is None:
            looker.problems.add(mark, f"{approver} could not be looked up, so it is not known who that is.")
            unknown = True
        elif not accounts:
            looker.problems.warn(mark, f"{approver} is nobody: no such account or group, or nobody in it may decide.")
        else:
            people |= accounts
    return None if unknown else people


def _check_count(rule: Rule, requirement: Requirement, asking: Asking, problems: Problems, most: int) -> None:
    if most == 0 and asking.approvers is not None:
        problems.add(asking.approvers, f'Nobody could answer what the rule "{rule.name}" asks.')
    elif most < requirement.quorum and asking.quorum is not None:
        count = "there is one person" if most == 1 else f"there are {most} people"
        problems.add(asking.quorum, f"A quorum of {requirement.quorum} can never be reached: {count}.")
