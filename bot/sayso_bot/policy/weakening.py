"""What a later policy demands less than an earlier one.

It is looked at as a request meets it. For every kind of action (each pattern of both documents, and where two of them
overlap) each earlier rule is taken that could decide, and the later rules are walked through by what is then known:
the conditions above it were false, its own was true. Whatever later rule may decide instead is compared with it. Of a
condition that was not there before nothing is known, so it is taken for true and for false.

Nothing is missed where patterns have their only star at the end; how others overlap is looked at by one action each.
Rules that are the same at the beginning and the end of both documents decide as before where no other rule names the
action, so a small change of a long policy is looked at quickly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sayso_bot.domain.globs import Glob
from sayso_bot.domain.policy import format_duration
from sayso_bot.domain.request import Requirement
from sayso_bot.domain.versions import Weakening
from sayso_bot.policy.params import Declared
from sayso_bot.policy.rules import Index, Rule

MOST_ACTIONS = 50_000
_REASONS = ("never", "deny", "always")


@dataclass(frozen=True, slots=True)
class Found:
    """``partial``: so many patterns overlap that not every overlap was looked at."""

    weakened: tuple[Weakening, ...]
    partial: bool


def weakened(before: Sequence[Rule], after: Sequence[Rule]) -> Found:
    """What the rules ``after`` demand less than those ``before``, in the order of the later document."""
    touched = _touched(before, after)
    if not touched:
        return Found((), False)
    earlier, later, concerned = Index(before), Index(after), Index(touched)
    actions, partial = _actions((*before, *after), touched)
    found: dict[Weakening, None] = {}
    for action in actions:
        if not concerned.naming(action):
            continue
        old, new = earlier.naming(action), later.naming(action)
        if [_meaning(rule) for rule in old] != [_meaning(rule) for rule in new]:
            found.update(dict.fromkeys(_compared(action, old, new)))
    return Found(tuple(sorted(found, key=lambda each: (each.line, each.before, each.sentence))), partial)


def _touched(before: Sequence[Rule], after: Sequence[Rule]) -> tuple[Rule, ...]:
    """The rules of both between those with which both begin, and those with which both end."""
    old, new = list(map(_meaning, before)), list(map(_meaning, after))
    top = _same(zip(old, new, strict=False))
    bottom = _same(zip(reversed(old[top:]), reversed(new[top:]), strict=False))
    return (*before[top : len(old) - bottom], *after[top : len(new) - bottom])


def _same(pairs: Iterable[tuple[Any, Any]]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _actions(rules: Sequence[Rule], touched: Sequence[Rule]) -> tuple[list[str], bool]:
    """An action of every kind that the patterns tell apart where a rule of ``touched`` is among them, and whether there
    are more than are looked at."""
    patterns = {rule.action.text: rule.action for rule in rules}
    actions = {pattern.any_run for pattern in patterns.values()}
    starred = [pattern for pattern in patterns.values() if not pattern.exact]
    others = [pattern for pattern in starred if not _ends_in_its_only_star(pattern)]
    concerned = {rule.action.text: rule.action for rule in touched if not rule.action.exact}
    for pattern in concerned.values():
        for other in others if _ends_in_its_only_star(pattern) else starred:
            if (both := pattern.overlap(other)) is not None:
                actions.add(both)
        if len(actions) > MOST_ACTIONS:
            return sorted(actions)[:MOST_ACTIONS], True
    return sorted(actions), False


def _ends_in_its_only_star(pattern: Glob) -> bool:
    """Such patterns lie within one another, or do not meet."""
    return pattern.text.index("*") == len(pattern.text) - 1


def _compared(action: str, old: Sequence[Rule], new: Sequence[Rule]) -> Iterator[Weakening]:
    """For one action: what each old rule demanded and a new one that may decide in its stead does not."""
    false: set[Any] = set()
    for rule in old:
        if rule.guard is None or rule.guard not in false:
            for other, certain in _instead(rule, false, new):
                yield from _told(action, rule, other, _less(rule, other), certain=certain)
        false.add(rule.guard)
    if not (old and old[-1].always):
        for other, certain in _instead(None, false, new):
            if other.verdict.kind == "allow":
                yield from _told(action, None, other, ["allows what no rule let happen"], certain=certain)


def _instead(rule: Rule | None, false: set[Any], new: Sequence[Rule]) -> Iterator[tuple[Rule, bool]]:
    """The new rules that may decide what ``rule`` decided, and of each whether it does for certain."""
    passed = set(false)
    for other in new:
        if other.guard is not None and other.guard in passed:
            continue
        passed.add(other.guard)
        certain = other.guard is None or (rule is not None and other.guard == rule.guard)
        yield other, certain
        if certain:
            return


def _told(action: str, rule: Rule | None, other: Rule, less: Iterable[str], *, certain: bool) -> Iterator[Weakening]:
    where = other.action.text if rule is None else _narrower(rule.action, other.action, action)
    for sentence in less:
        held = sentence if certain else f"where its condition holds: {sentence}"
        yield Weakening(where, rule.name if rule else "", other.name, other.mark.line, held)


def _narrower(one: Glob, other: Glob, action: str) -> str:
    if one.covers(other):
        return other.text
    return one.text if other.covers(one) else Glob.of_any_run(action).text


def _less(rule: Rule, other: Rule) -> list[str]:
    """What ``other`` demands less than ``rule``."""
    was, now = rule.verdict, other.verdict
    if was.kind == "allow" or now.kind == "deny":
        return []
    if now.kind == "allow":
        return ["allows without asking" if was.kind == "ask" else "allows what was denied"]
    if was.kind == "deny":
        return ["asks about what was denied"]
    less = _less_asked(was.requirement, now.requirement) if was.requirement and now.requirement else []
    if rule.name == other.name and (dropped := _unchecked(rule, other)):
        less.append(f"does not check the type of {', '.join(dropped)}")
    return less


def _unchecked(rule: Rule, other: Rule) -> list[str]:
    """The params that ``rule`` denies where they are of another type, and ``other`` does not."""
    kept = {param.name: param for param in other.declaration.params}
    return [param.name for param in rule.declaration.params if not _as_strict(param, kept.get(param.name))]


def _as_strict(was: Declared, now: Declared | None) -> bool:
    if now is None or (now.optional and not was.optional):
        return False
    return now.type == was.type or (was.type, now.type) == ("number", "integer")


def _less_asked(was: Requirement, now: Requirement) -> list[str]:
    less = []
    if now.quorum < was.quorum:
        less.append(f"quorum {now.quorum} instead of {was.quorum}")
    if who := _more_people(was, now):
        less.append(who)
    if _REASONS.index(now.reason) < _REASONS.index(was.reason):
        less.append(f"reason {now.reason} instead of {was.reason}")
    if was.confirm and not now.confirm:
        less.append("no typed confirmation")
    if was.high_risk and not now.high_risk:
        less.append("no longer marked as of high risk")
    if more := [name for name in now.editable if name not in was.editable]:
        less.append(f"approvers may change {', '.join(more)}")
    if now.receipt_seconds > was.receipt_seconds:
        periods = map(format_duration, (now.receipt_seconds, was.receipt_seconds))
        less.append(f"an approval may be used for {' instead of '.join(periods)}")
    return less


def _more_people(was: Requirement, now: Requirement) -> str:
    if now.approvers is None:
        who = "whoever signed in to the inbox" if now.place == "inbox" else f"whoever is in {now.channel}"
        same_door = was.approvers is None and (was.place, was.operator) == (now.place, now.operator)
        return "" if same_door else f"{who} may approve"
    if was.approvers is None:
        return ""
    more = [name for name in now.approvers if name not in was.approvers]
    return f"may be approved by {', '.join(more)} too" if more else ""


def _meaning(rule: Rule) -> tuple[Any, ...]:
    return rule.name, rule.declaration, rule.guard, rule.verdict
