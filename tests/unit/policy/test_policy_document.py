"""What a policy document may say, and where its mistakes are."""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sayso_bot.domain.policy import BUILT_IN_RULE
from sayso_bot.errors import Unusable
from sayso_bot.policy import PolicyInvalid, built_in, load, read
from unit.policy.policies import ask, policy, problems

ASK = "    ask: {channel: inbox}\n"
RULE = "rules:\n  - action: a\n"

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


def test_what_a_rule_leaves_out_has_a_default() -> None:
    loaded = policy("rules: [{action: act, ask: {channel: inbox}}]")
    requirement = loaded.judge(ask()).requirement
    assert requirement is not None
    assert (requirement.channel, requirement.place, requirement.approvers) == ("inbox", "inbox", None)
    assert (requirement.quorum, requirement.reason) == (1, "never")
    assert (requirement.timeout_seconds, requirement.receipt_seconds) == (86_400, 900)
    assert not requirement.operator


def test_what_a_rule_says_is_in_its_requirement() -> None:
    loaded = policy(
        """\
        channels: {payments: slack:T1/C1}
        approvers: {finance: [slack:S1, email:Ana@Example.com, operator, operator]}
        rules:
          - action: act
            ask: {channel: payments, approvers: finance, quorum: 2, reason: deny, timeout: 10s, receipt: 2h}
        """
    )
    requirement = loaded.judge(ask()).requirement
    assert requirement is not None
    assert (requirement.channel, requirement.place, requirement.group) == ("payments", "slack:T1/C1", "finance")
    assert requirement.approvers == ("slack:S1", "email:ana@example.com", "operator")
    assert (requirement.quorum, requirement.reason, requirement.operator) == (2, "deny", True)
    assert (requirement.timeout_seconds, requirement.receipt_seconds) == (10, 7200)
    assert loaded.places() == {"slack:T1/C1"}


@pytest.mark.parametrize(
    ("approvers", "is_one"),
    [
        ("slack:T1/U1, slack:U1", True),
        ("slack:T1/U1, slack:T2/U1", False),
        ("slack:E1/U1, slack:T1/U2", False),
        ("slack:U1, slack:U2", False),
    ],
)
def test_accounts_of_several_workspaces_are_several_approvers(approvers: str, is_one: bool) -> None:
    text = f"rules:\n  - action: a\n    ask: {{channel: inbox, approvers: [{approvers}], quorum: 2}}\n"
    assert bool(problems(text)) is is_one


def test_an_organisation_is_a_workspace_too() -> None:
    text = "channels: {p: slack:E0ORG/C0PAY}\npeople: {ana: [slack:E0ORG/U0ANA]}\n" + RULE
    assert problems(text + "    ask: {channel: p, approvers: [slack:E0ORG/S0FIN], fallback: inbox}\n") == []


def test_accounts_of_one_person_are_one_approver_for_the_quorum() -> None:
    text = """\
        people: {ana: [email:ana@example.com, slack:T1/U1]}
        rules:
          - action: act
            ask: {channel: inbox, approvers: [email:ana@example.com, slack:T1/U1], quorum: 2}
        """
    assert "there is one approver" in problems(text)[0]
    assert (
        problems(text.replace("[email:ana@example.com, slack:T1/U1], q", "[email:ana@example.com, slack:S1], q")) == []
    )


def test_people_are_joined_by_normalised_accounts() -> None:
    loaded = policy("people: {ana: [email:Ana@Example.com, slack:T1/U1, operator]}\nrules: [{action: a, allow: true}]")
    assert loaded.people == {"ana": frozenset({"email:ana@example.com", "slack:T1/U1", "operator"})}


def test_rules_without_a_name_are_called_after_their_action() -> None:
    loaded = policy(
        """\
        rules:
          - {action: a, when: agent == 'x', allow: true}
          - {action: a, when: agent == 'y', allow: true}
          - {action: b, name: a (rule 2), allow: true}
          - {action: a, allow: true}
        """
    )
    assert [rule.name for rule in loaded.rules] == ["a", "a (rule 2) (rule 2)", "a (rule 2)", "a (rule 4)"]


def test_a_chat_rule_without_approvers_is_warned_of() -> None:
    loaded = policy(
        """\
        channels: {p: slack:C1, mine: inbox}
        rules:
          - {action: a, ask: {channel: p}}
          - {action: b, ask: {channel: p, approvers: [slack:S1]}}
          - {action: c, ask: {channel: mine}}
        """
    )
    assert [warning.line for warning in loaded.warnings] == [3]


def test_places_and_people_of_teams_are_accepted_and_ids_of_entra_are_lower_case() -> None:
    account = "teams:11111111-2222-3333-4444-555555555555/AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee"
    text = f"""
    channels: {{p: teams:19:abc@thread.tacv2}}
    rules: [{{action: a, ask: {{channel: p, approvers: ["{account}"]}}}}]
    """
    loaded = load(text, "p")
    assert loaded.places() == {"teams:19:abc@thread.tacv2"}
    requirement = loaded.routes()[0].requirement
    assert requirement is not None
    assert requirement.approvers == (account.lower(),)


def test_the_digest_is_of_the_exact_text() -> None:
    text = "rules: [{action: a, allow: true}]  # é\n"
    assert load(text, "p").digest == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    assert load(text, "p").digest != load(text + "\n", "p").digest


def test_without_a_document_every_action_is_asked_in_the_inbox_and_the_operator_may_answer() -> None:
    verdict = built_in().judge(ask("anything.at/all", x=2**80))
    assert (verdict.kind, verdict.rule) == ("ask", BUILT_IN_RULE)
    assert verdict.requirement is not None
    assert (verdict.requirement.place, verdict.requirement.operator) == ("inbox", True)
    assert verdict.requirement.approvers is None
    assert built_in().digest.startswith("sha256:")


def test_a_file_is_read_with_the_name_that_messages_use(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("rules: []", encoding="utf-8")
    assert read(path) == ("rules: []", str(path))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "does not exist"),
        (b"rules:\n  \xc3\xbc\xff", "policy.yaml:2:4: This is not UTF-8 text"),
        (b"\xff\xfea\0", "policy.yaml:1:1: This is UTF-16"),
        (b"#" * (4 * 1_048_576 + 1), "larger than 4 MiB"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path: Path, body: bytes | None, words: str) -> None:
    path = tmp_path / "policy.yaml"
    if body is not None:
        path.write_bytes(body)
    with pytest.raises(Unusable, match=words):
        read(path)


def test_a_path_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="cannot be read"):
        read(tmp_path / ("x" * 300))


def _nowhere(path: Path) -> None:
    path.symlink_to("nothing.yaml")


def _in_a_ring(path: Path) -> None:
    path.symlink_to(path.name)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Path.mkdir, "is a folder"),
        (os.mkfifo, "is a pipe"),
        (_socket, "is a socket or a device"),
        (lambda path: path.symlink_to("/dev/null"), "is a device"),
        (_nowhere, "is a link that leads nowhere"),
        (_in_a_ring, "is a link that leads back to itself"),
    ],
)
def test_what_is_no_file_is_told_at_once(make: Callable[[Path], None], words: str) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder, "p.yaml")
        make(path)
        with pytest.raises(Unusable, match=words):
            read(path)


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("rules: []")
    (tmp_path / "policy.yaml").symlink_to("real.yaml")
    assert read(tmp_path / "policy.yaml")[0] == "rules: []"


def test_a_file_that_grows_while_it_is_read_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("rules: []\n")
    looks: list[int] = []
    look = os.fstat

    def grown(descriptor: int) -> os.stat_result:
        if looks:
            with path.open("a") as file:
                file.write("# more\n")
        looks.append(descriptor)
        return look(descriptor)

    monkeypatch.setattr("sayso_bot.policy.source.os.fstat", grown)
    with pytest.raises(Unusable, match="is being written just now"):
        read(path)


def test_one_account_under_two_spellings_is_one_approver() -> None:
    for approvers, people in (
        ("[slack:U0ANA, slack:T0TEAM/U0ANA]", ""),
        ("[email:ana@example.com, slack:U0ANA]", "people:\n  ana: [email:ana@example.com, slack:T0TEAM/U0ANA]\n"),
    ):
        text = f'{people}rules:\n  - action: "*"\n    ask: {{channel: inbox, approvers: {approvers}, quorum: 2}}\n'
        with pytest.raises(PolicyInvalid, match="can never be reached: there is one approver"):
            load(text, "policy.yaml")
