"""What is said, in the channels that it touches, of a policy that is put in force.

A channel is touched where a rule that asks there is added, removed, changed or moved, or where what is asked there is
asked more weakly, or of nobody, from then on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sayso_bot.domain.effects import INBOX
from sayso_bot.domain.interventions import put_in_force
from sayso_bot.domain.notice import Notices, new_notice
from sayso_bot.domain.text import one_line
from sayso_bot.domain.versions import Comparison, Origin
from sayso_bot.policy.compare import paired
from sayso_bot.policy.engine import LoadedPolicy
from sayso_bot.policy.rules import Rule

MOST_PLACES = 100
MOST_RULES = 5
MOST_SENTENCES = 3
MOST_OF_A_NAME = 60
MOST_OF_A_SENTENCE = 200


@dataclass(slots=True)
class _Touched:
    """What one place is told: what became of rules, and what is demanded less."""

    rules: list[str] = field(default_factory=list)
    weaker: list[str] = field(default_factory=list)


def announcements(before: LoadedPolicy, after: LoadedPolicy, comparison: Comparison, origin: Origin) -> Notices:
    """A notice for each place that the ``comparison`` of two policies touches: `MOST_PLACES` at most, those where
    something is weaker first, which say how many more there are. The inbox shows how things stand by itself.
    """
    touched = {} if comparison.same else _touched(before, after, comparison)
    places = sorted(touched, key=lambda place: not touched[place].weaker)
    head, more = put_in_force(origin), len(places) - MOST_PLACES
    tail = "What is asked already keeps its rule."
    if more > 0:
        tail += f" {more} more channels are concerned, and are not told."
    return [(new_notice(_text(head, touched[place], tail)), place) for place in places[:MOST_PLACES]]


def _touched(before: LoadedPolicy, after: LoadedPolicy, comparison: Comparison) -> Mapping[str, _Touched]:
    old, new = _places(before.in_order), _places(after.in_order)
    was = {rule.name: earlier.name for rule, earlier in paired(before.in_order, after.in_order).items()}
    found: defaultdict[str, _Touched] = defaultdict(_Touched)
    for change in comparison.rules:
        names = [change.rule] if change.kind == "removed" else [change.rule, was.get(change.rule, "")]
        for place in _of(names, old, new):
            found[place].rules.append(f"{change.kind} “{_short(change.rule, MOST_OF_A_NAME)}”")
    for each in comparison.weakened:
        for place in _of((each.before, each.after), old, new):
            found[place].weaker.append(_short(str(each), MOST_OF_A_SENTENCE))
    return found


def _places(rules: Iterable[Rule]) -> Mapping[str, set[str]]:
    """Where each name's rules ask."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for rule in rules:
        if (requirement := rule.verdict.requirement) is not None and requirement.place != INBOX:
            found[rule.name].add(requirement.place)
    return found


def _of(names: Iterable[str], *known: Mapping[str, set[str]]) -> list[str]:
    return sorted(set[str]().union(*(places.get(name, set()) for name in names for places in known)))


def _text(head: str, touched: _Touched, tail: str) -> str:
    said = [head]
    if touched.rules:
        more = len(touched.rules) - MOST_RULES
        rules = ", ".join(touched.rules[:MOST_RULES])
        said.append(f"Of the rules that ask here: {rules}{f' and {more} more' if more > 0 else ''}.")
    if touched.weaker:
        more = len(touched.weaker) - MOST_SENTENCES
        less = " ".join(touched.weaker[:MOST_SENTENCES])
        said.append(f"It demands less. {less}{f' And {more} more.' if more > 0 else ''}")
    return "\n".join([*said, tail])


def _short(text: str, most: int) -> str:
    line = one_line(text)
    return line if len(line) <= most else f"{line[: most - 1]}…"
