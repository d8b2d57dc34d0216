"""What a policy document says: its rules, requirements, people and places, and what it leaves out."""

from __future__ import annotations

import hashlib

import pytest

from sayso_bot.domain.policy import BUILT_IN_RULE
from sayso_bot.policy import PolicyInvalid, built_in, load
from unit.policy.policies import RULE, ask, policy, problems


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


def test_one_account_under_two_spellings_is_one_approver() -> None:
    for approvers, people in (
        ("[slack:U0ANA, slack:T0TEAM/U0ANA]", ""),
        ("[email:ana@example.com, slack:U0ANA]", "people:\n  ana: [email:ana@example.com, slack:T0TEAM/U0ANA]\n"),
    ):
        text = f'{people}rules:\n  - action: "*"\n    ask: {{channel: inbox, approvers: {approvers}, quorum: 2}}\n'
        with pytest.raises(PolicyInvalid, match="can never be reached: there is one approver"):
            load(text, "policy.yaml")
