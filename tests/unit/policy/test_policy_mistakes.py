"""Where the mistakes of a policy document are, each told with its line and column."""

from __future__ import annotations

import pytest

from sayso_bot.policy import PolicyInvalid, load
from unit.policy.policies import RULE, problems

ASK = "    ask: {channel: inbox}\n"
BAD = [
    # the file itself
    ("", "1:1", "The policy is empty."),
    ("# only a comment\n", "1:1", "The policy is empty."),
    ("- a\n", "1:1", "The policy must be a table"),
    ("words\n", "1:1", "The policy must be a table"),
    ("{}\n", "1:1", "needs the key rules"),
    ("rules: {}\n", "1:8", "rules must be a list"),
    ("rules: []\n", "1:8", "must not be empty"),
    ("rules: [\n", "2:1", "ends too early"),
    ("rules: 'x\n", "2:1", "ends too early"),
    ("rules:\n\t- action: a\n", "2:1", "A tab stands here"),
    ("rules:\n  - action: *\n", "2:13", "needs quotes"),
    ("rules:\n  - action: *.read\n", "2:13", "needs quotes"),
    ("rules:\n  - action: *read\n", "2:13", "aliases are not accepted"),
    ("rules: &all []\n", "1:8", "anchors are not accepted"),
    ("rules: !!seq []\n", "1:8", "tags are not accepted"),
    ("a: &a [x, x]\nb: &b [*a, *a]\n", "1:4", "anchors are not accepted"),
    ("%YAML 1.1\n---\nrules: []\n", "1:1", "YAML 1.2"),
    (RULE + ASK + "---\nrules: []\n", "4:1", "one YAML document"),
    (RULE + ASK + "? [a]\n: b\n", "4:3", "A key must be text"),
    (RULE + ASK + "1: b\n", "4:1", "A key must be text"),
    (RULE + "    name: x\n    name: y\n" + ASK, "4:5", "stands here twice; it is already on line 3"),
    ("rules: \x07\n", "1:8", "character is not allowed"),
    ("rules: [a]  # \x9b\n", "1:15", "character is not allowed"),
    ("a: ü\nb: x\0y\n", "2:5", "The character NUL stands here"),
    ("\ufeffrules: []\n", "1:1", "byte order mark"),
    ("rules: []  # x\u2028allow: true\n", "1:15", "end a line at this character and others do not"),
    ("rules: []  # x\x85\n", "1:15", "end a line at this character and others do not"),
    ("rules: []  # \u202eeurt :wolla\n", "1:14", "U+202E makes text look different"),
    ('rules: "\\q"\n', "1:9", "no escape that YAML knows"),
    ("rules:\n  - action: a\n\tdeny: x\n", "3:1", "A tab stands here"),
    ("[" * 40, "1:17", "nested deeper"),
    ("a: " + "{a: " * 40, "1:64", "nested deeper"),
    ("a: b: c\n", "1:5", "This is not YAML"),
    # what this version does not offer
    (RULE + ASK + "admin: [operator]\n", "4:1", '"admin" is unknown or not offered in this version'),
    (RULE + "    ask: {channel: inbox, escalate: inbox}\n", "3:27", '"escalate" is unknown or not offered'),
    (RULE + "    ask: {channel: inbox, fallback: inbox}\n", "3:37", "fallback is the same place as channel"),
    (RULE + "    ask: {channel: inbox, fallback: desk}\n", "3:37", 'The channel "desk" is not defined'),
    (RULE + "    ask: {channel: inbox, confirm: tap}\n", "3:36", "confirm is one of type"),
    (RULE + "    ask: {channel: inbox, editable: []}\n", "3:37", "editable must not be empty"),
    (RULE + "    ask: {channel: inbox, editable: [a, a]}\n", "3:41", 'editable names "a" twice'),
    (RULE + "    ask: {channel: inbox, forms: false}\n", "3:34", "forms has one value only: true"),
    (RULE + "    ask: {channel: inbox, quorum: 2, forms: true}\n", "3:45", "A form is filled in by one person"),
    (RULE + "    ask: {channel: inbox, digest: yes}\n", "3:35", "digest has one value only: true"),
    (RULE + "    ask: {channel: inbox, escalate: []}\n", "3:27", '"escalate" is unknown or not offered'),
    (RULE + "    editable: [x]\n" + ASK, "3:5", '"editable" is unknown or not offered'),
    ("channels: {p: matrix:room}\n" + RULE + ASK, "1:15", '"matrix" is not offered in this version'),
    ("approvers: {g: ['matrix:a/b']}\n" + RULE + ASK, "1:17", '"matrix" is not offered in this version'),
    # channels, approvers, people
    ("channels: {p: slack:payments}\n" + RULE + ASK, "1:15", "with the channel's id"),
    ("channels: {p: teams:General}\n" + RULE + ASK, "1:15", "the conversation's id"),
    ("channels: {p: 'teams:19%3aabc%40thread.tacv2'}\n" + RULE + ASK, "1:15", "the conversation's id"),
    ("channels: {p: 'teams:19:abc@thread.tacv2;messageid=1'}\n" + RULE + ASK, "1:15", "the conversation's id"),
    ("channels: {p: somewhere}\n" + RULE + ASK, "1:15", "An address is"),
    ("channels: {p: 'inbox:x'}\n" + RULE + ASK, "1:15", "An address is"),
    ("channels: {inbox: slack:C1}\n" + RULE + ASK, "1:12", "is always the inbox"),
    ("channels: {'p q': inbox}\n" + RULE + ASK, "1:12", "A name has"),
    ("channels: [inbox]\n" + RULE + ASK, "1:11", "must be a table"),
    ("approvers: {g: []}\n" + RULE + ASK, "1:16", "must not be empty"),
    ("approvers: {g: [slack:ana]}\n" + RULE + ASK, "1:17", "ids are used, not names"),
    ("approvers: {g: ['teams:19:abc@thread.tacv2']}\n" + RULE + ASK, "1:17", "A person's Teams account is"),
    ("people: {a: ['teams:a/b']}\n" + RULE + ASK, "1:14", "A person's Teams account is"),
    ("approvers: {g: [email:ana]}\n" + RULE + ASK, "1:17", "An e-mail address is written"),
    ("approvers: {g: [ana]}\n" + RULE + ASK, "1:17", "An approver is operator"),
    ("people: {a: [slack:U1]}\n" + RULE + ASK, "1:14", "written with its team"),
    ("people: {a: [slack:T1/S1]}\n" + RULE + ASK, "1:14", "written with its team"),
    ("people: {a: ['email:x@y.z'], b: ['email:X@y.z']}\n" + RULE + ASK, "1:33", "belongs to a already"),
    ("approvers: {g: [5]}\n" + RULE + ASK, "1:17", "YAML takes 5 for something else"),
    ("approvers: {g: [[operator]]}\n" + RULE + ASK, "1:17", "must be text"),
    (f"approvers: {{g: [{'operator, ' * 201}]}}\n" + RULE + ASK, "1:16", "more than 200 entries"),
    ("channels:\n" + RULE + ASK, "1:1", "must be a table"),
    # rules
    ("rules: [x]\n", "1:9", "A rule must be a table"),
    ("rules:\n  - allow: true\n", "2:5", "A rule needs the key action"),
    ("rules:\n  - action: [a, b]\n" + ASK, "2:13", "action must be text"),
    ("rules:\n  - action: refund me\n" + ASK, "2:13", "action is one pattern"),
    ("rules:\n  - action: zahlung.überweisen\n" + ASK, "2:13", "action is one pattern"),
    ("rules:\n  - action: 5\n" + ASK, "2:13", "YAML takes 5 for something else"),
    (RULE, "2:5", "exactly one of ask"),
    (RULE + "    allow: true\n    deny: no\n", "4:5", "exactly one of ask"),
    (RULE + "    allow: false\n", "3:12", "one value only: true"),
    (RULE + "    allow: yes\n", "3:12", "one value only: true"),
    (RULE + "    deny: true\n", "3:11", "The reason of deny must be text"),
    (RULE + "    deny: ''\n", "3:11", "The reason of deny is empty"),
    (RULE + '    deny: "a\\u202Eb"\n', "3:11", "without invisible characters"),
    (RULE + "    name: no rule\n" + ASK, "3:11", "has a meaning of its own"),
    (RULE + f"    name: {'x' * 81}\n" + ASK, "3:11", "more than 80"),
    (RULE + "    name: x\n    when: agent == 'x'\n" + ASK + "  - action: b\n    name: x\n" + ASK, "7:11", "on line 3"),
    # ask
    (RULE + "    ask: inbox\n", "3:10", "ask must be a table"),
    (RULE + "    ask: {}\n", "3:10", "ask needs a channel"),
    (RULE + "    ask: {channel: payments}\n", "3:20", "is not defined under channels"),
    (RULE + "    ask: {channel: inbox, approvers: finance}\n", "3:38", "is not defined under approvers"),
    (RULE + "    ask: {channel: inbox, approvers: operator}\n", "3:38", "write approvers: [operator]"),
    (RULE + "    ask: {channel: inbox, approvers: []}\n", "3:38", "must not be empty"),
    (RULE + "    ask: {channel: inbox, approvers: [finance]}\n", "3:39", "An approver is operator"),
    (RULE + "    ask: {channel: inbox, quorum: 0}\n", "3:35", "from 1 to 100"),
    (RULE + "    ask: {channel: inbox, quorum: two}\n", "3:35", "from 1 to 100"),
    (RULE + "    ask: {channel: inbox, approvers: [operator], quorum: 2}\n", "3:58", "there is one approver"),
    (RULE + "    ask: {channel: inbox, reason: sometimes}\n", "3:35", "one of always, deny, never"),
    (RULE + "    ask: {channel: inbox, timeout: 9s}\n", "3:36", "from 10s"),
    (RULE + "    ask: {channel: inbox, timeout: 30}\n", "3:36", "a duration like"),
    (RULE + "    ask: {channel: inbox, timeout: 9999d}\n", "3:36", "to 366d"),
    (RULE + "    ask: {channel: inbox, receipt: soon}\n", "3:36", "a duration like"),
    # params and conditions
    (RULE + "    params: [x]\n" + ASK, "3:13", "params must be a table"),
    (RULE + "    params: {x: text}\n" + ASK, "3:17", "A type is one of"),
    (RULE + "    params: {x: }\n" + ASK, "3:14", "The type of x is empty"),
    (RULE + '    params: {"a\\u200Bb": string}\n' + ASK, "3:14", "without invisible characters"),
    (
        RULE + f"    params: {{{', '.join(f'p{n}: list' for n in range(65))}}}\n" + ASK,
        "3:13",
        "params has more than 64 entries",
    ),
    (RULE + "    when: params.x > 1\n" + ASK, "3:11", "params.x is not declared under params"),
    (RULE + "    when: agent == 'x' && params.é\n" + ASK, "3:34", "This is not a condition"),
    (RULE + "    when: 'é' == agent || foo\n" + ASK, "3:15", "This is not YAML"),
    (RULE + "    when: \"'é' == agent || foo\"\n" + ASK, "3:28", '"foo" is not known here'),
    (RULE + "    when: '''x'' == agent || foo'\n" + ASK, "3:30", '"foo" is not known here'),
    (RULE + '    when: "\\"x\\" == agent || foo"\n' + ASK, "3:11", '"foo" is not known here'),
    (RULE + "    when: |  # why\n      agent == 'x'\n        || foo\n" + ASK, "5:12", '"foo" is not known here'),
    (RULE + "    when: >-\n      agent == 'x'\n      || foo\n" + ASK, "5:10", '"foo" is not known here'),
    (RULE + "    when: agent == 'x'\n      || foo\n" + ASK, "4:10", '"foo" is not known here'),
    (RULE + "    when: agent\n" + ASK, "3:11", "must come to true or false"),
    (RULE + "    when: agent == 'x' and true\n" + ASK, "3:24", "This is not a condition"),
    (RULE + "    when: agent == 5\n" + ASK, "3:17", "== does not join a text and a whole number"),
    (RULE + "    when: 'true ||'\n" + ASK, "3:19", "This is not a condition"),
    (RULE + "    when: true\n" + ASK, "3:11", "when must be text"),
    # rules that are never reached
    (RULE + ASK + "  - action: a\n" + ASK, "4:5", '"a" on line 2 takes all'),
    ("rules:\n  - action: db.*\n" + ASK + "  - action: db.*.drop\n" + ASK, "4:5", '"db.*" on line 2'),
    ("rules:\n  - action: '*'\n" + ASK + "  - action: x\n    when: agent == 'y'\n" + ASK, "4:5", '"*" on line 2'),
]


@pytest.mark.parametrize(("text", "place", "words"), BAD)
def test_a_mistake_is_told_with_its_line_and_column(text: str, place: str, words: str) -> None:
    found = problems(text)
    assert [line for line in found if line.startswith(f"{place}: ") and words in line], found


@pytest.mark.parametrize("text", [text for text, _, _ in BAD])
def test_no_words_of_a_library_reach_the_author(text: str) -> None:
    told = "\n".join(problems(text))
    for foreign in (
        "INVALID_ARGUMENT",
        "overload",
        "undeclared",
        "expected <",
        "found character",
        "<input>",
        "scanning",
    ):
        assert foreign not in told


def test_all_mistakes_are_told_at_once_in_the_order_of_the_document() -> None:
    found = problems(
        """\
        channels: {p: nowhere}
        rules:
          - action: a
            when: params.x > 1 && params.y > 1
            ask: {channel: q, timeout: 1s}
          - action: b
        """
    )
    assert [line.partition(": ")[0] for line in found] == ["1:15", "4:11", "4:27", "5:20", "5:32", "6:5"]


def test_a_mistake_in_a_definition_is_not_told_again_where_it_is_used() -> None:
    found = problems(
        "channels: {p: nowhere}\napprovers: {g: [nobody]}\n"
        "rules: [{action: a, ask: {channel: p, approvers: g, quorum: 9}}]"
    )
    assert [line.partition(": ")[0] for line in found] == ["1:15", "2:17"]


def test_a_problem_names_the_file() -> None:
    with pytest.raises(PolicyInvalid) as caught:
        load("rules: []", "conf/policy.yaml")
    assert str(caught.value.problems[0]).startswith("conf/policy.yaml:1:8: ")
    assert "conf/policy.yaml:1:8: " in caught.value.detail


def test_a_very_long_text_is_refused_unread() -> None:
    assert "longer" in problems("#" * (4 * 1024 * 1024 + 1))[0]
