"""One entry under ``rules``: what it names, what it declares, its condition, and what it demands."""

from __future__ import annotations

from typing import Any

from sayso_bot.domain.globs import Glob
from sayso_bot.domain.person import OPERATOR
from sayso_bot.domain.policy import DEFAULT_RECEIPT_SECONDS, DEFAULT_TIMEOUT_SECONDS, Verdict
from sayso_bot.domain.request import Requirement
from sayso_bot.policy.conditions import Condition, ConditionInvalid, Scope
from sayso_bot.policy.directory import Directory
from sayso_bot.policy.params import TYPES, Declaration, Declared
from sayso_bot.policy.places import INBOX, is_group, is_person
from sayso_bot.policy.problems import Problems
from sayso_bot.policy.rules import Asking, Example, Rule
from sayso_bot.policy.tables import Read
from sayso_bot.policy.tree import shown

OF_CARDS = frozenset({"digest", "fallback"})
"""What a rule says of its cards, of which the inbox has none."""
_NOTHING = Declaration()


class RuleReader:
    """Reads rules of one document. Rules that declare the same params share one scope."""

    def __init__(self, directory: Directory, problems: Problems) -> None:
        self._directory = directory
        self._problems = problems
        self._scopes: dict[Declaration, Scope] = {}
        self._declarations: dict[tuple[tuple[str, str], ...], Declaration] = {}

    def read(self, rule: Read, number: int, name: str) -> Rule | None:
        """The rule, or None where it has a problem that leaves nothing to apply."""
        declaration = self._declaration(rule)
        scope, condition = self._condition(rule, declaration)
        verdict = self._verdict(rule, name)
        if verdict is None or declaration is None or "action" not in rule.values or rule.refused("when", "examples"):
            return None
        if condition is None and "when" in rule:
            return None
        examples = tuple(map(Example, rule.get("examples", ()), rule.marks("examples")))
        when = rule.text("when") if condition is not None else None
        action = Glob(rule.get("action"))
        asking = _asking(rule.get("ask")) if verdict.requirement else None
        return Rule(
            number, name, action, declaration, scope, condition, verdict, rule.node.mark, examples, when, asking
        )

    def _declaration(self, rule: Read) -> Declaration | None:
        if "params" not in rule:
            return _NOTHING
        types: dict[str, Any] | None = rule.get("params")
        if types is None or None in types.values():
            return None
        written = tuple(sorted(types.items()))
        known = self._declarations.get(written)
        if known is None:
            known = self._declarations[written] = Declaration(tuple(_declared(*each) for each in written))
        return known

    def _condition(self, rule: Read, declaration: Declaration | None) -> tuple[Scope | None, Condition | None]:
        text = rule.get("when")
        if text is None or declaration is None:
            return None, None
        scope = self._scopes.get(declaration) or self._scopes.setdefault(declaration, Scope(declaration))
        try:
            return scope, scope.compile(text)
        except ConditionInvalid as error:
            written = rule.text("when")
            for complaint in error.complaints:
                self._problems.add(written.inside(complaint.line, complaint.column), complaint.sentence)
            return scope, None

    def _verdict(self, rule: Read, name: str) -> Verdict | None:
        if sum(does in rule for does in ("ask", "allow", "deny")) != 1:
            return None
        if "allow" in rule.values:
            return Verdict("allow", name, reason=f'The rule "{name}" allows this action.')
        if "deny" in rule.values:
            return Verdict("deny", name, reason=rule.get("deny"))
        if "ask" not in rule.values:
            return None
        requirement = self._requirement(rule.get("ask"), is_high=rule.get("risk") == "high")
        return Verdict("ask", name, requirement=requirement) if requirement else None

    def _requirement(self, ask: Read, *, is_high: bool) -> Requirement | None:
        channel, place = self._channel(ask, "channel")
        fallback, fallback_place = self._channel(ask, "fallback")
        group, approvers = self.people(ask)
        quorum: int = ask.get("quorum", 1)
        self._check_together(ask, place, fallback_place, approvers, quorum, is_high=is_high)
        if place is None or channel is None or ask.refused(*ask.node.entries):
            return None
        return Requirement(
            channel=channel,
            place=place,
            approvers=approvers,
            group=group,
            quorum=quorum,
            reason=ask.get("reason", "never"),
            timeout_seconds=ask.get("timeout", DEFAULT_TIMEOUT_SECONDS),
            receipt_seconds=ask.get("receipt", DEFAULT_RECEIPT_SECONDS),
            operator=approvers is not None and OPERATOR in approvers,
            fallback=fallback,
            fallback_place=fallback_place,
            confirm="confirm" in ask.values,
            editable=tuple(ask.get("editable", ())),
            forms=ask.get("forms", False),
            digest=ask.get("digest", False),
            high_risk=is_high,
        )

    def _channel(self, ask: Read, key: str) -> tuple[str | None, str | None]:
        """The name that ``key`` gives and its address."""
        name = ask.get(key)
        if name is None or name in self._directory.refused:
            return name, None
        place = self._directory.channels.get(name)
        if place is None:
            self._problems.add(ask.at(key), f'The channel "{shown(name)}" is not defined under channels.')
        return name, place

    def people(self, read: Read, key: str = "approvers") -> tuple[str | None, tuple[str, ...] | None]:
        """The group's name where ``key`` names one, and the people; None where nothing is said."""
        named = read.get(key)
        if not isinstance(named, str):
            return None, tuple(dict.fromkeys(named)) if named else None
        if named not in self._directory.groups:
            hint = f" For a single person write {key}: [{shown(named)}]." if _looks_single(named) else ""
            self._problems.add(read.at(key), f'The group "{shown(named)}" is not defined under approvers.{hint}')
        return named, self._directory.groups.get(named) or None

    def _check_together(
        self,
        ask: Read,
        place: str | None,
        fallback_place: str | None,
        approvers: tuple[str, ...] | None,
        quorum: int,
        *,
        is_high: bool,
    ) -> None:
        """Note what is good by itself and cannot work beside the rest."""
        problems = self._problems
        if fallback_place is not None and fallback_place == place:
            problems.add(ask.at("fallback"), "fallback is the same place as channel.")
        if "forms" in ask.values and quorum > 1:
            problems.add(ask.at("forms"), "A form is filled in by one person: forms goes with quorum: 1.")
        if quorum > 1 and (most := self._most(place, fallback_place, approvers, named="approvers" in ask)) is not None:
            count = "there is one approver" if most == 1 else f"there are {most} approvers"
            if quorum > most:
                problems.harm(ask.at("quorum"), f"A quorum of {quorum} can never be reached: {count}.")
        if is_high and "approvers" not in ask and place is not None and not is_person(place):
            who = "whoever signed in to the inbox" if place == INBOX else "whoever is in the channel"
            problems.harm(
                ask.at("channel"),
                f"A rule of high risk names its approvers; without them {who} may answer, and a channel may be open.",
            )
        if is_high and "digest" in ask.values:
            problems.harm(ask.at("digest"), "A request of high risk has a card of its own; digest does not go with it.")
        if place == INBOX:
            for key in OF_CARDS & ask.values.keys():
                does = "does nothing in the inbox; it counts where an admin has this asked in a chat."
                problems.warn(ask.at(key), f"{key} {does}")

    def _most(
        self, place: str | None, fallback: str | None, approvers: tuple[str, ...] | None, *, named: bool
    ) -> int | None:
        """How many people may answer at most, or None where only a platform knows."""
        if approvers:
            return None if any(map(is_group, approvers)) else self._directory.count(approvers)
        is_direct = place is not None and is_person(place) and (fallback is None or is_person(fallback))
        return 1 if is_direct and not named else None


def _asking(ask: Read) -> Asking:
    return Asking(
        ask.at("channel"), *(ask.at(key) if key in ask else None for key in ("fallback", "approvers", "quorum"))
    )


def _declared(name: str, kind: str) -> Declared:
    wanted = kind.removesuffix("?")
    return Declared(name, next(known for known in TYPES if known == wanted), optional=kind != wanted)


def _looks_single(text: str) -> bool:
    return text == OPERATOR or ":" in text
