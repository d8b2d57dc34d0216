"""One entry under ``rules``: what it names, what it declares, its condition, and what it demands."""

from __future__ import annotations

from sayso_bot.domain.globs import ACTION_PATTERN, Glob
from sayso_bot.domain.person import OPERATOR
from sayso_bot.domain.policy import (
    BUILT_IN_RULE,
    DEFAULT_RECEIPT_SECONDS,
    DEFAULT_TIMEOUT_SECONDS,
    MIN_TIMEOUT_SECONDS,
    Verdict,
)
from sayso_bot.domain.request import ReasonRule, Requirement
from sayso_bot.domain.text import one_line
from sayso_bot.policy.conditions import Condition, ConditionInvalid, Scope
from sayso_bot.policy.directory import Directory, DirectoryReader
from sayso_bot.policy.engine import NO_RULE
from sayso_bot.policy.fields import Entry, Fields
from sayso_bot.policy.params import TYPES, Declaration, Declared
from sayso_bot.policy.places import is_group
from sayso_bot.policy.rules import Rule
from sayso_bot.policy.tree import Node, Scalar, shown

_RULE_KEYS = ("name", "action", "params", "when", "ask", "allow", "deny")
_ASK_KEYS = (
    "channel",
    "approvers",
    "quorum",
    "reason",
    "timeout",
    "receipt",
    "fallback",
    "confirm",
    "editable",
    "forms",
    "digest",
)
_DOES = ("ask", "allow", "deny")
_REASONS: dict[str, ReasonRule] = {"always": "always", "deny": "deny", "never": "never"}
_RESERVED_NAMES = frozenset({BUILT_IN_RULE, NO_RULE})
_MAX_QUORUM = 100
_MAX_PARAMS = 64
_MAX_NAME = 80
_MAX_REASON = 500


class RuleReader:
    """Reads rules of one document. Rules that declare the same params share one scope."""

    def __init__(self, fields: Fields, directory: Directory, forms: DirectoryReader) -> None:
        self._fields = fields
        self._directory = directory
        self._forms = forms
        self._scopes: dict[Declaration, Scope] = {}

    def read(self, node: Node, number: int, name: str) -> Rule | None:
        """The rule, or None where it has a problem that leaves nothing to apply."""
        entries = self._fields.table(node, "A rule", _RULE_KEYS)
        if entries is None:
            return None
        action = self._action(node, entries)
        declaration = self._declaration(entries.get("params"))
        scope, condition = self._condition(entries.get("when"), declaration)
        verdict = self._verdict(node, entries, name)
        if action is None or verdict is None or declaration is None or (condition is None and "when" in entries):
            return None
        return Rule(number, name, action, declaration, scope, condition, verdict, node.mark)

    def name(self, node: Node) -> str | None:
        """The name that the author gave."""
        text = self._fields.sentence(node, "A rule's name", _MAX_NAME)
        if text in _RESERVED_NAMES:
            self._fields.refuse(node, f'The name "{text}" has a meaning of its own; choose another.')
            return None
        return text

    def _action(self, node: Node, entries: dict[str, Entry]) -> Glob | None:
        if "action" not in entries:
            self._fields.refuse(node, 'A rule needs the key action; action: "*" names every action.')
            return None
        value = entries["action"][1]
        text = self._fields.text(value, "action")
        if text is None or ACTION_PATTERN.match(text):
            return Glob(text) if text else None
        self._fields.refuse(
            value, "action is one pattern of up to 128 letters, digits and _ . : / - with * for any run of them."
        )
        return None

    def _declaration(self, entry: Entry | None) -> Declaration | None:
        if entry is None:
            return Declaration()
        entries = self._fields.table(entry[1], "params")
        if entries is None:
            return None
        if len(entries) > _MAX_PARAMS:
            self._fields.refuse(entry[1], f"params declares more than {_MAX_PARAMS} params.")
            return None
        read = [self._declared(name, value) for name, (_, value) in entries.items()]
        good = sorted((declared for declared in read if declared), key=lambda declared: declared.name)
        return Declaration(tuple(good)) if len(good) == len(read) else None

    def _declared(self, name: str, node: Node) -> Declared | None:
        if not 0 < len(name) <= _MAX_NAME or one_line(name) != name:
            self._fields.refuse(node, f"A param's name has 1 to {_MAX_NAME} characters, none of them invisible.")
            return None
        text = self._fields.text(node, f"The type of {shown(name)}")
        for kind in TYPES:
            if text in {kind, f"{kind}?"}:
                return Declared(name, kind, optional=text != kind)
        if text is not None:
            listed = ", ".join(TYPES)
            self._fields.refuse(node, f"A type is one of {listed}; with ? behind it the param may be absent or null.")
        return None

    def _condition(self, entry: Entry | None, declaration: Declaration | None) -> tuple[Scope | None, Condition | None]:
        if entry is None or (text := self._fields.text(entry[1], "when")) is None or declaration is None:
            return None, None
        scope = self._scopes.get(declaration) or self._scopes.setdefault(declaration, Scope(declaration))
        try:
            return scope, scope.compile(text)
        except ConditionInvalid as error:
            for complaint in error.complaints:
                self._fields.refuse_inside(entry[1], complaint.line, complaint.column, complaint.sentence)
            return scope, None

    def _verdict(self, node: Node, entries: dict[str, Entry], name: str) -> Verdict | None:
        does = [key for key in _DOES if key in entries]
        if len(does) != 1:
            place = entries[does[1]][0] if does else node
            self._fields.refuse(place, "A rule has exactly one of ask, allow: true and deny: with a reason.")
            return None
        value = entries[does[0]][1]
        if does[0] == "allow":
            allowed = self._fields.true(value, "allow")
            return Verdict("allow", name, reason=f'The rule "{name}" allows this action.') if allowed else None
        if does[0] == "deny":
            reason = self._fields.sentence(value, "The reason of deny", _MAX_REASON)
            return Verdict("deny", name, reason=reason) if reason else None
        requirement = self._requirement(value)
        return Verdict("ask", name, requirement=requirement) if requirement else None

    def _requirement(self, node: Node) -> Requirement | None:
        entries = self._fields.table(node, "ask", _ASK_KEYS)
        if entries is None:
            return None
        if "channel" not in entries:
            self._fields.refuse(node, "ask needs a channel; channel: inbox is always there.")
        channel, place = self._channel(entries.get("channel"), "channel")
        fallback, fallback_place = self._channel(entries.get("fallback"), "fallback")
        if fallback_place is not None and fallback_place == place:
            self._fields.refuse(entries["fallback"][1], "fallback is the same place as channel.")
        confirm = self._confirm(entries.get("confirm"))
        editable = self._editable(entries.get("editable"))
        forms, digest = (self._switched_on(entries.get(key), key) for key in ("forms", "digest"))
        group, approvers = self.approvers(entries.get("approvers"))
        quorum = self._quorum(entries.get("quorum"), approvers)
        reason = self._reason(entries.get("reason"))
        timeout = self._duration(entries, "timeout", DEFAULT_TIMEOUT_SECONDS)
        receipt = self._duration(entries, "receipt", DEFAULT_RECEIPT_SECONDS)
        if forms and quorum is not None and quorum > 1:
            self._fields.refuse(entries["forms"][1], "A form is filled in by one person: forms goes with quorum: 1.")
        if channel is None or place is None or quorum is None or reason is None or timeout is None or receipt is None:
            return None
        return Requirement(
            channel=channel,
            place=place,
            approvers=approvers,
            group=group,
            quorum=quorum,
            reason=reason,
            timeout_seconds=timeout,
            receipt_seconds=receipt,
            operator=approvers is not None and OPERATOR in approvers,
            fallback=fallback,
            fallback_place=fallback_place,
            confirm=confirm,
            editable=editable,
            forms=forms,
            digest=digest,
        )

    def _channel(self, entry: Entry | None, key: str) -> tuple[str | None, str | None]:
        """The name that ``key`` gives and its address."""
        if entry is None:
            return None, None
        name = self._fields.text(entry[1], key)
        if name is None or name in self._directory.refused:
            return name, None
        place = self._directory.channels.get(name)
        if place is None:
            self._fields.refuse(entry[1], f'The channel "{shown(name)}" is not defined under channels.')
        return name, place

    def approvers(self, entry: Entry | None, what: str = "approvers") -> tuple[str | None, tuple[str, ...] | None]:
        """The group's name where ``what`` names one, and the people; None where nothing is said."""
        if entry is None:
            return None, None
        if not isinstance(entry[1], Scalar):
            return None, self._forms.approvers(entry[1], what)
        name = self._fields.text(entry[1], what)
        if name is not None and name not in self._directory.groups:
            hint = f" For a single person write {what}: [{shown(name)}]." if _looks_single(name) else ""
            self._fields.refuse(entry[1], f'The group "{shown(name)}" is not defined under approvers.{hint}')
        return name, self._directory.groups.get(name or "") or None

    def _quorum(self, entry: Entry | None, approvers: tuple[str, ...] | None) -> int | None:
        quorum = self._fields.whole(entry[1], "quorum", 1, _MAX_QUORUM) if entry else 1
        if entry is None or quorum is None or not approvers or any(map(is_group, approvers)):
            return quorum
        people = self._directory.count(approvers)
        if quorum > people:
            count = "there is one approver" if people == 1 else f"there are {people} approvers"
            self._fields.refuse(entry[1], f"A quorum of {quorum} can never be reached: {count}.")
        return quorum

    def _confirm(self, entry: Entry | None) -> bool:
        return entry is not None and self._fields.choice(entry[1], "confirm", ("type",)) is not None

    def _editable(self, entry: Entry | None) -> tuple[str, ...]:
        """The names of params that an approver may change."""
        if entry is None:
            return ()
        names: list[str] = []
        for node in self._fields.items(entry[1], "editable", _MAX_PARAMS) or []:
            name = self._fields.sentence(node, "A param's name", _MAX_NAME)
            if name is not None and name in names:
                self._fields.refuse(node, f'editable names "{shown(name)}" twice.')
            elif name is not None:
                names.append(name)
        return tuple(names)

    def _switched_on(self, entry: Entry | None, key: str) -> bool:
        return entry is not None and self._fields.true(entry[1], key)

    def _reason(self, entry: Entry | None) -> ReasonRule | None:
        if entry is None:
            return "never"
        return _REASONS.get(self._fields.choice(entry[1], "reason", _REASONS) or "")

    def _duration(self, entries: dict[str, Entry], key: str, default: int) -> int | None:
        return self._fields.duration(entries[key][1], key, MIN_TIMEOUT_SECONDS) if key in entries else default


def _looks_single(text: str) -> bool:
    return text == OPERATOR or ":" in text
