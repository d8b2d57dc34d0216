"""Two policies side by side: what changed, and what the later one demands less."""

from __future__ import annotations

import itertools
import time
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sayso_bot.domain.globs import Glob
from sayso_bot.domain.policy import Verdict
from sayso_bot.domain.versions import Comparison
from sayso_bot.policy import LoadedPolicy, load
from sayso_bot.policy.compare import compare, text_diff
from unit.policy.policies import ask, policy

TOP = """\
channels: {pay: slack:C1, open: slack:C2}
approvers: {finance: ['email:ana@example.com', 'email:ben@example.com']}
people: {ana: ['email:ana@example.com', 'slack:T1/U1']}
rules:
"""
ASKS = "{channel: pay, approvers: finance, quorum: 2, reason: always, confirm: type}"
BASE = f"""\
  - {{name: large, action: pay.refund, params: {{n: number}}, when: params.n > 5, ask: {ASKS}}}
  - {{name: small, action: pay.*, ask: {{channel: pay, approvers: finance}}}}
  - {{name: reads, action: read.*, allow: true}}
  - {{name: drops, action: drop.*, deny: Never.}}
"""


def of(rules: str, top: str = TOP) -> LoadedPolicy:
    return load(top + rules, "p", in_force=True)


def told(before: str, after: str) -> list[str]:
    return [str(each) for each in compare(of(before), of(after)).weakened]


def changed(old: str, new: str) -> str:
    assert old in BASE
    return BASE.replace(old, new)


WEAKER = [
    (changed("quorum: 2", "quorum: 1"), 'pay.refund: quorum 1 instead of 2 (rule "large").'),
    (changed("reason: always", "reason: deny"), 'pay.refund: reason deny instead of always (rule "large").'),
    (changed(", confirm: type", ""), 'pay.refund: no typed confirmation (rule "large").'),
    (changed("ask: {channel: pay, approvers: finance}", "allow: true"), 'pay.*: allows without asking (rule "small").'),
    (changed("deny: Never.", "ask: {channel: inbox}"), 'drop.*: asks about what was denied (rule "drops").'),
    (changed("deny: Never.", "allow: true"), 'drop.*: allows what was denied (rule "drops").'),
    (changed("approvers: finance, quorum", "approvers: ['slack:S1'], quorum"), "may be approved by slack:S1 too"),
    (changed("pay, approvers: finance}", "pay}"), 'pay.*: whoever is in pay may approve (rule "small").'),
    (changed("{channel: pay, approvers: finance}", "{channel: inbox}"), "whoever signed in to the inbox may approve"),
    (changed("finance}", "finance, editable: [n]}"), 'pay.*: approvers may change n (rule "small").'),
    (changed("finance}", "finance, receipt: 2h}"), "an approval may be used for 2h instead of 15m"),
    (changed("{n: number}", "{n: number?}"), "does not check the type of n"),
    # what is above or below decides instead
    ("  - {name: new, action: pay.refund, allow: true}\n" + BASE,
     'pay.refund: allows without asking (rule "new", was "large").'),
    ("  - {name: new, action: '*', when: agent == 'x', allow: true}\n" + BASE,
     'pay.*: where its condition holds: allows without asking (rule "new", was "small").'),
    (changed("params.n > 5", "params.n > 50"), 'pay.refund: quorum 1 instead of 2 (rule "small", was "large").'),
    ("".join(BASE.splitlines(True)[1:]), 'pay.refund: quorum 1 instead of 2 (rule "small", was "large").'),
    ("".join(BASE.splitlines(True)[i] for i in (1, 0, 2, 3)), 'quorum 1 instead of 2 (rule "small", was "large").'),
    (BASE + "  - {name: rest, action: '*', allow: true}\n", '*: allows what no rule let happen (rule "rest").'),
    ("  - {name: odd, action: '*.refund', allow: true}\n" + BASE,
     'pay.*.refund: allows without asking (rule "odd", was "small").'),
]  # fmt: skip


@pytest.mark.parametrize(("after", "sentence"), WEAKER)
def test_what_demands_less_is_said(after: str, sentence: str) -> None:
    found = told(BASE, after)
    assert [line for line in found if sentence in line], found


STRONGER = [
    BASE,
    changed("approvers: finance}", "approvers: finance, quorum: 2}"),
    changed("params.n > 5, ask", "params.n > 5, risk: high, ask"),
    changed("allow: true", "deny: No reading."),
    changed("allow: true", "ask: {channel: inbox}"),
    changed("finance}", "[email:ana@example.com], timeout: 1h}"),
    changed("{channel: pay, approvers: finance}", "{channel: open, approvers: finance}"),
    changed("read.*, allow", "read.*, params: {n: integer}, allow"),
    "  - {name: new, action: pay.payout, deny: Never.}\n" + BASE,
    BASE + "  - {name: mail, action: mail.*, ask: {channel: inbox}}\n",
    "".join(BASE.splitlines(True)[:3]),
    "".join(BASE.splitlines(True)[i] for i in (3, 0, 1, 2)),
]


@pytest.mark.parametrize("after", STRONGER)
def test_what_demands_as_much_or_more_is_not_called_weaker(after: str) -> None:
    assert told(BASE, after) == []


def test_people_who_are_no_longer_joined_may_count_twice() -> None:
    found = compare(
        of(BASE), of(BASE, TOP.replace("people: {ana:", "people: {ben:").replace("slack:T1/U1", "slack:T1/U2"))
    )
    assert "are no longer one person" in str(found.weakened[0])


def test_who_administers_is_compared_and_more_who_do_are_told() -> None:
    one, two = (
        TOP.replace("rules:", f"admins: {listed}\nrules:") for listed in ("[operator]", "[operator, 'email:b@c.de']")
    )
    found = compare(of(BASE, one), of(BASE, two))
    assert found.names == ("admins: operator → operator, email:b@c.de",)
    assert list(map(str, found.weakened)) == ["admins: may be administered by email:b@c.de too."]
    assert compare(of(BASE, two), of(BASE, one)).weakened == ()


# --------------------------------------------------------------------------- any two policies

PATTERNS = ["a", "a.b", "a.b.c", "b", "a.*", "a.b.*", "*", "b.*"]
ACTIONS = ["a", "a.b", "a.b.c", "a.b.d", "a.x", "b", "b.x", "z"]
DOES = ["allow: true", "deny: No.", "ask: {channel: inbox, approvers: [operator]}",
        "ask: {channel: inbox, approvers: [operator, 'email:a@b.c'], quorum: 2}"]  # fmt: skip
RULES = st.lists(
    st.tuples(st.sampled_from(PATTERNS), st.sampled_from(["", "params.p", "params.q"]), st.sampled_from(DOES[:3])),
    min_size=1, max_size=5,
)  # fmt: skip


def written(rules: list[tuple[str, str, str]]) -> LoadedPolicy:
    lines = ["rules:"]
    for action, when, does in rules:
        condition = f"when: {when}, " if when else ""
        lines.append(f"  - {{action: '{action}', params: {{p: boolean, q: boolean}}, {condition}{does}}}")
    return load("\n".join(lines) + "\n", "p", in_force=True)


def is_weaker(before: Verdict, after: Verdict) -> bool:
    rank = {"allow": 0, "ask": 1, "deny": 2}
    if before.kind == "deny" and before.rule == "no rule":
        return after.kind == "allow"
    return rank[after.kind] < rank[before.kind]


@given(RULES, RULES)
@example([("a", "params.p", "allow: true"), ("a", "", DOES[2])], [("a", "params.q", "allow: true"), ("a", "", DOES[2])])
@settings(deadline=None, max_examples=120)
def test_something_is_called_weaker_exactly_where_some_request_would_meet_less(
    old: list[tuple[str, str, str]], new: list[tuple[str, str, str]]
) -> None:
    before, after = written(old), written(new)
    weaker = [
        (action, p, q)
        for action, p, q in itertools.product(ACTIONS, (True, False), (True, False))
        if is_weaker(before.judge(ask(action, p=p, q=q)), after.judge(ask(action, p=p, q=q)))
    ]
    assert bool(compare(before, after).weakened) == bool(weaker), weaker


@given(st.text("ab.*", min_size=1, max_size=6), st.text("ab.*", min_size=1, max_size=6), st.text("ab.", max_size=6))
def test_an_overlap_lies_in_both_patterns(one: str, other: str, action: str) -> None:
    both = Glob(one).overlap(Glob(other)) if "*" in one and "*" in other else None
    if both is not None:
        assert Glob(one).matches(both)
        assert Glob(other).matches(both)


# --------------------------------------------------------------------------- what changed


def test_rules_are_added_removed_changed_and_moved() -> None:
    after = """\
      - {name: drops, action: drop.*, deny: Never.}
      - {name: mail, action: mail.*, ask: {channel: inbox}}
      - {name: large, action: pay.refund, params: {n: number}, when: params.n > 5,
         ask: {channel: pay, approvers: finance}}
      - {name: little, action: pay.*, ask: {channel: pay, approvers: finance}}
    """
    found = compare(of(BASE), of(dedent(after)))
    assert [(each.kind, each.rule) for each in found.rules] == [
        ("moved", "drops"),
        ("added", "mail"),
        ("changed", "large"),
        ("changed", "little"),
        ("removed", "reads"),
    ]
    by_name = {each.rule: each for each in found.rules}
    assert by_name["drops"].details == ("now first",)
    assert by_name["large"].details == ("quorum: 2 → 1", "reason: always → never", "confirm: yes → —")
    assert by_name["little"].details == ("name: small → little",)
    assert by_name["mail"].line == 6


def test_channels_groups_and_people_are_told_by_name() -> None:
    after = TOP.replace("slack:C2", "slack:C3").replace(", 'email:ben@example.com'", "").replace("ana: [", "anna: [")
    found = compare(of(BASE), load(after + BASE, "p", in_force=True))
    assert found.names == (
        "channel open: slack:C2 → slack:C3",
        "approvers finance: email:ana@example.com, email:ben@example.com → email:ana@example.com",
        "people ana: email:ana@example.com, slack:T1/U1 → —",
        "people anna: — → email:ana@example.com, slack:T1/U1",
    )


def test_a_document_is_the_same_as_itself_and_as_one_that_is_written_otherwise() -> None:
    assert compare(of(BASE), of(BASE)) == Comparison()
    assert compare(of(BASE), of("# a remark\n" + BASE)).same


def test_a_text_is_compared_line_by_line() -> None:
    assert text_diff("a\nb\nc\n", "a\nx\nc\n") == ["--- before", "+++ after", "@@ -1,3 +1,3 @@", " a", "-b", "+x", " c"]
    assert text_diff("a\n", "a\n") == []


def test_a_long_text_takes_no_longer_than_its_length() -> None:
    lines = [f"line {number}" for number in range(40_000)]
    other = [*lines[:100], "a line more", *lines[100:]]
    began = time.thread_time()
    assert [line for line in text_diff("\n".join(lines), "\n".join(other)) if line.startswith("+")][1:] == [
        "+a line more"
    ]
    turned = text_diff("\n".join(lines), "\n".join(reversed(lines)))
    assert len(turned) > 70_000
    assert time.thread_time() - began < 5


def test_large_policies_are_compared_in_a_moment() -> None:
    rules = [f"  - {{action: service{n}.*, ask: {{channel: inbox, approvers: [operator]}}}}\n" for n in range(3000)]
    before, after = (
        policy("rules:\n" + "".join(rules)),
        policy("rules:\n" + "".join(rules).replace("[operator]", "['email:a@b.c']")),
    )
    began = time.thread_time()
    found: Any = compare(before, after)
    assert len(found.weakened) == len(found.rules) == 3000
    assert time.thread_time() - began < 5
