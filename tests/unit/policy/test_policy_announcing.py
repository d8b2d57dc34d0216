"""What is said in the channels that another policy touches: where, how much, and how much of it at most."""

from __future__ import annotations

import re

from sayso_bot.domain.versions import Origin
from sayso_bot.policy import LoadedPolicy, load
from sayso_bot.policy.announcing import MOST_PLACES, announcements
from sayso_bot.policy.compare import compare

ANA = Origin("ana", "command", "host", "Fewer asks")


def said(before: str, after: str, origin: Origin = ANA) -> dict[str, str]:
    """The text at each place."""
    old, new = _of(before), _of(after)
    notices = announcements(old, new, compare(old, new), origin)
    found = {place: notice.text for notice, place in notices}
    assert len(found) == len(notices)
    return found


def _of(rules: str) -> LoadedPolicy:
    """Channels are called by their id."""
    channels = "".join(f"  {name}: slack:{name}\n" for name in sorted(set(re.findall(r"\bC\d+\b", rules))))
    return load(f"channels:\n{channels}  other: slack:C0\nrules:\n{rules}", "p", in_force=True)


def rule(action: str, channel: str, more: str = "", name: str = "") -> str:
    called = f"name: {name}, " if name else ""
    return f"  - {{{called}action: {action}, ask: {{channel: {channel}, approvers: ['slack:U1', 'slack:U2']{more}}}}}\n"


def test_who_asks_no_more_is_told_what_nobody_asks_any_more() -> None:
    [(place, text)] = said(rule("a", "C1"), "  - {action: a, allow: true}\n").items()
    assert place == "slack:C1"
    assert text == (
        "ana put another policy in force: Fewer asks.\n"
        "Of the rules that ask here: changed “a”.\n"
        'It demands less. a: allows without asking (rule "a").\n'
        "What is asked already keeps its rule."
    )


def test_a_rule_that_is_put_above_another_is_told_where_that_one_asks() -> None:
    found = said(rule("a.*", "C1", ", quorum: 2"), rule("a.b", "C2") + rule("a.*", "C1", ", quorum: 2"))
    assert "added “a.b”" in found["slack:C2"]
    assert 'quorum 1 instead of 2 (rule "a.b", was "a.*")' in found["slack:C1"]
    assert "Of the rules" not in found["slack:C1"]


def test_a_rule_of_another_name_is_told_where_it_asked_and_where_it_asks() -> None:
    found = said(rule("a", "C1", name="old"), rule("a", "C2", name="new"))
    assert found.keys() == {"slack:C1", "slack:C2"}
    assert all("changed “new”" in text for text in found.values())


def test_what_is_the_same_and_what_the_inbox_shows_is_told_nowhere() -> None:
    assert said(rule("a", "C1"), rule("a", "C1")) == {}
    assert said("  - {action: a, ask: {channel: inbox}}\n", "  - {action: a, deny: No.}\n") == {}


def test_of_many_rules_some_are_named_and_the_others_counted() -> None:
    many = [f"{'x' * 100}{n}" for n in range(50)]
    before, after = ["".join(rule(name, "C1", f", quorum: {n}") for name in many) for n in (2, 1)]
    [text] = said(before, after).values()
    assert "and 45 more." in text
    assert "And 47 more." in text
    assert len(text) < 1500


def test_of_many_channels_a_hundred_are_told_those_first_where_something_is_weaker() -> None:
    def rules(timeout: str, quorum: int) -> str:
        first = "".join(rule(f"a{n}", f"C{n}", f", timeout: {timeout}") for n in range(150))
        return first + rule("z", "C999", f", quorum: {quorum}")

    found = said(rules("1h", 2), rules("2h", 1))
    assert len(found) == MOST_PLACES
    assert "It demands less." in found["slack:C999"]
    assert all("51 more channels are concerned, and are not told." in text for text in found.values())
