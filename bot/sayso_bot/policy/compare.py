"""Two policies side by side, as a person thinks of them: which rules were added, removed, changed or moved."""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from sayso_bot.domain.policy import format_duration
from sayso_bot.domain.versions import Comparison, RuleChange, Weakening
from sayso_bot.policy.engine import LoadedPolicy
from sayso_bot.policy.rules import Rule
from sayso_bot.policy.weakening import weakened

LONG_TEXT_LINES = 4000
_NOTHING = "—"


def compare(before: LoadedPolicy, after: LoadedPolicy) -> Comparison:
    """What changes when ``after`` takes the place of ``before``."""
    found = weakened(before.in_order, after.in_order)
    people = (*_more_admins(before.admins, after.admins), *_parted(before.people, after))
    return Comparison(
        rules=tuple(_rules(before.in_order, after.in_order)),
        names=tuple(_names(before, after)),
        weakened=(*people, *found.weakened),
        partial=found.partial,
    )


def text_diff(before: str, after: str, names: tuple[str, str] = ("before", "after")) -> list[str]:
    """The lines of a unified diff. What is very long between its first and last difference is told as replaced."""
    old, new = before.splitlines(), after.splitlines()
    if len(old) + len(new) <= LONG_TEXT_LINES:
        return list(difflib.unified_diff(old, new, *names, lineterm=""))
    top = _same_lines(zip(old, new, strict=False))
    bottom = _same_lines(zip(reversed(old[top:]), reversed(new[top:]), strict=False))
    cut, put = old[top : len(old) - bottom], new[top : len(new) - bottom]
    if not cut and not put:
        return []
    if len(cut) + len(put) <= LONG_TEXT_LINES:
        lines = list(_marked(cut, put))
    else:
        lines = [*(f"-{line}" for line in cut), *(f"+{line}" for line in put)]
    head = f"@@ -{top + 1},{len(cut)} +{top + 1},{len(put)} @@"
    return [f"--- {names[0]}", f"+++ {names[1]}", head, *lines]


def _marked(cut: Sequence[str], put: Sequence[str]) -> Iterator[str]:
    for what, one, to_one, other, to_other in difflib.SequenceMatcher(None, cut, put).get_opcodes():
        if what == "equal":
            yield from (f" {line}" for line in cut[one:to_one])
        else:
            yield from (f"-{line}" for line in cut[one:to_one])
            yield from (f"+{line}" for line in put[other:to_other])


def _same_lines(pairs: Iterator[tuple[str, str]]) -> int:
    count = 0
    for one, other in pairs:
        if one != other:
            break
        count += 1
    return count


# --------------------------------------------------------------------------- rules


def _rules(before: Sequence[Rule], after: Sequence[Rule]) -> Iterator[RuleChange]:
    pairs = paired(before, after)
    stayed = _in_place([pairs[rule].number for rule in after if rule in pairs])
    previous = ""
    for rule in after:
        old = pairs.get(rule)
        if old is None:
            yield RuleChange("added", rule.name, rule.mark.line, tuple(f"{key}: {text}" for key, text in _facts(rule)))
        elif details := tuple(_changed(old, rule)):
            yield RuleChange("changed", rule.name, rule.mark.line, details)
        elif old.number not in stayed:
            place = f'now after "{previous}"' if previous else "now first"
            yield RuleChange("moved", rule.name, rule.mark.line, (place,))
        previous = rule.name
    kept = set(pairs.values())
    for rule in before:
        if rule not in kept:
            yield RuleChange(
                "removed", rule.name, rule.mark.line, tuple(f"{key}: {text}" for key, text in _facts(rule))
            )


def paired(before: Sequence[Rule], after: Sequence[Rule]) -> dict[Rule, Rule]:
    """For each later rule the earlier one that it was: of the same name, else of the same actions and condition."""
    named = {rule.name: rule for rule in before}
    pairs = {rule: named[rule.name] for rule in after if rule.name in named}
    taken = set(pairs.values())
    shaped = {(rule.action.text, rule.guard): rule for rule in reversed(before) if rule not in taken}
    for rule in after:
        if rule not in pairs and (old := shaped.pop((rule.action.text, rule.guard), None)) is not None:
            pairs[rule] = old
    return pairs


def _in_place(numbers: Sequence[int]) -> set[int]:
    """The largest set of ``numbers`` that are in order: what is not in it has moved."""
    ends: list[int] = []
    last: list[int] = []
    link: dict[int, int | None] = {}
    for number in numbers:
        at = bisect_left(ends, number)
        ends[at : at + 1] = [number]
        last[at : at + 1] = [number]
        link[number] = last[at - 1] if at else None
    found, number_or_none = set(), last[-1] if last else None
    while number_or_none is not None:
        found.add(number_or_none)
        number_or_none = link[number_or_none]
    return found


def _changed(before: Rule, after: Rule) -> Iterator[str]:
    old, new = dict(_facts(before)), dict(_facts(after))
    if before.name != after.name:
        yield f"name: {before.name} → {after.name}"
    for key in dict.fromkeys((*old, *new)):
        if old.get(key) != new.get(key):
            yield f"{key}: {old.get(key, _NOTHING)} → {new.get(key, _NOTHING)}"


def _facts(rule: Rule) -> Iterator[tuple[str, str]]:
    """A rule as people know it, without what is left at its default."""
    yield "action", rule.action.text
    if rule.declaration.params:
        yield "params", ", ".join(f"{param.name}: {param}" for param in rule.declaration.params)
    if rule.condition is not None:
        yield "when", " ".join(rule.condition.text.split())
    requirement, verdict = rule.verdict.requirement, rule.verdict
    yield "does", verdict.kind if verdict.kind != "deny" else f"deny: {verdict.reason}"
    if requirement is None:
        return
    yield "channel", f"{requirement.channel} ({requirement.place})"
    listed = ", ".join(requirement.approvers or ())
    yield "approvers", (f"{requirement.group} ({listed})" if requirement.group else listed) or "whoever is there"
    yield "quorum", str(requirement.quorum)
    yield "reason", requirement.reason
    yield "timeout", format_duration(requirement.timeout_seconds)
    yield "receipt", format_duration(requirement.receipt_seconds)
    if requirement.fallback:
        yield "fallback", f"{requirement.fallback} ({requirement.fallback_place})"
    if requirement.editable:
        yield "editable", ", ".join(requirement.editable)
    switches = {"confirm": requirement.confirm, "forms": requirement.forms, "digest": requirement.digest}
    for key, is_on in {"risk: high": requirement.high_risk, **switches}.items():
        if is_on:
            yield key, "yes"


# --------------------------------------------------------------------------- names


def _names(before: LoadedPolicy, after: LoadedPolicy) -> Iterator[str]:
    yield from _mapped("channel", before.channels, after.channels)
    yield from _mapped(
        "approvers", *({name: ", ".join(listed) for name, listed in each.groups.items()} for each in (before, after))
    )
    yield from _mapped(
        "people",
        *({name: ", ".join(sorted(accounts)) for name, accounts in each.people.items()} for each in (before, after)),
    )

    if set(before.admins) != set(after.admins):
        yield f"admins: {' → '.join(', '.join(each.admins) or _NOTHING for each in (before, after))}"


def _mapped(what: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield f"{what} {name}: {before.get(name, _NOTHING)} → {after.get(name, _NOTHING)}"


def _parted(before: Mapping[str, frozenset[str]], after: LoadedPolicy) -> Iterator[Weakening]:
    """People whose accounts are no longer joined: they may count as several where a rule wants several."""
    wants_several = any(each.verdict.requirement and each.verdict.requirement.quorum > 1 for each in after.in_order)
    for name, accounts in before.items():
        if wants_several and len(accounts) > 1 and not any(accounts <= kept for kept in after.people.values()):
            sentence = f"{' and '.join(sorted(accounts))} are no longer one person, so they may count as several"
            yield Weakening("*", f"people: {name}", "", 1, sentence)


def _more_admins(before: Sequence[str], after: Sequence[str]) -> Iterator[Weakening]:
    if more := [name for name in after if name not in before]:
        yield Weakening("*", "admins", "", 1, f"may be administered by {', '.join(more)} too")
