"""One human is one person with one vote, whichever accounts they use; who cannot be told apart counts once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso_bot.domain.lifecycle import approvals, settles
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Status, Vote

AT = datetime(2026, 11, 23, 18, tzinfo=UTC)
ALIASES = st.sampled_from(["email:ana@example.com", "email:ANA@example.com", "slack:T1/U1", "slack:T2/U1", "operator"])
PEOPLE = {"ana": frozenset({"email:ana@example.com", "slack:T1/U1"})}


@given(st.sets(ALIASES, min_size=1))
def test_a_person_is_the_same_in_whichever_order_their_accounts_are_proved(aliases: set[str]) -> None:
    ordered = sorted(aliases)
    whole = Person.known_as("Ana", ordered)
    assert whole == Person.known_as("Ana", reversed(ordered))
    grown = Person.known_as("Ana", ordered[:1]).also(ordered[1:])
    assert (grown.id, grown.aliases) == (whole.id, whole.aliases)
    assert all(whole.is_any(alias) for alias in aliases)


def test_addresses_are_compared_without_case_and_ids_with_it() -> None:
    ana = Person.known_as("Ana", ["email:Ana@Example.com", "slack:T1/U1"])
    assert ana.id == "email:ana@example.com"
    assert ana.is_any("email:ANA@EXAMPLE.COM")
    assert not ana.is_any("slack:t1/u1")
    assert not ana.is_any("slack:T2/U1")


def test_people_join_accounts_by_hand() -> None:
    slack = Person.known_as("Ana", ["slack:T1/U1"]).joined(PEOPLE)
    inbox = Person.known_as("Ana", ["email:ana@example.com"]).joined(PEOPLE)
    assert slack.id == inbox.id == "person:ana"
    assert slack.comparable
    assert slack.is_any("email:ana@example.com")
    assert slack.also(["teams:t/o"]).id == "person:ana"
    stranger = Person.known_as("Eve", ["slack:T1/U2"])
    assert stranger.joined(PEOPLE) == stranger


def test_who_proves_nothing_is_nobody() -> None:
    with pytest.raises(ValueError, match="alias"):
        Person.known_as("Nobody", [])


def test_only_an_address_or_a_joined_name_tells_people_of_two_surfaces_apart() -> None:
    assert Person.known_as("Ana", ["email:a@b.c", "slack:T1/U1"]).comparable
    assert not Person.known_as("Ana", ["slack:T1/U1"]).comparable
    assert not Person.known_as("Operator", ["operator"]).comparable


def _vote(person: str, surface: str = "slack", outcome: Any = "approve", revision: int = 1) -> Vote:
    comparable = person.startswith(("email:", "person:"))
    return Vote(person, person, frozenset({person}), outcome, None, surface, revision, "", comparable, AT)


VOTES = st.lists(
    st.builds(
        _vote,
        st.sampled_from(["email:a", "email:b", "slack:T/U1", "slack:T/U2", "teams:t/1"]),
        st.sampled_from(["slack", "teams", "inbox"]),
        st.sampled_from(["approve", "deny"]),
        st.sampled_from([1, 2]),
    ),
    max_size=6,
)


@given(VOTES, st.integers(1, 3))
def test_an_approval_needs_the_quorum_and_no_denial(votes: list[Vote], quorum: int) -> None:
    found = settles(votes, 1, quorum)
    present = [vote for vote in votes if vote.revision == 1]
    if any(vote.outcome == "deny" for vote in present):
        assert found is Status.DENIED
    elif found is Status.APPROVED:
        assert len(present) >= approvals(votes, 1) >= quorum
    else:
        assert approvals(votes, 1) < quorum


@given(VOTES)
def test_a_further_vote_never_takes_an_approval_away(votes: list[Vote]) -> None:
    for count in range(len(votes)):
        assert approvals(votes[:count], 1) <= approvals(votes[: count + 1], 1)


def test_accounts_that_may_be_one_human_do_not_make_two_approvals() -> None:
    unknown_in_slack, unknown_in_teams = _vote("slack:T/U1"), _vote("teams:t/1", "teams")
    assert approvals([unknown_in_slack, unknown_in_teams], 1) == 1
    assert approvals([unknown_in_slack, _vote("slack:T/U2")], 1) == 2
    assert approvals([_vote("email:a"), _vote("email:b", "inbox")], 1) == 2
    assert approvals([_vote("email:a", "inbox"), unknown_in_slack], 1) == 1
    assert approvals([], 1) == 0
