"""The rules by which votes end a request, by themselves. `contract/test_store_oracle.py` holds Redis to the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from sayso_bot.domain.lifecycle import approvals, counts_while_paused, edited, has_voted, is_due, settles
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Outcome, Status, Vote
from sayso_bot.testing.samples import AT, a_request

ANA = Person.known_as("Ana", {"email:ana@example.com", "slack:T1/UANA"})


def _vote(person: str, *, outcome: Outcome = "approve", surface: str = "slack", revision: int = 1) -> Vote:
    comparable = person.startswith(("email:", "person:"))
    return Vote(person, person, frozenset({person}), outcome, None, surface, revision, "admitted", comparable, AT)


A, B, C = "email:a@example.com", "email:b@example.com", "person:c"
U1, U2 = "slack:T1/U1", "slack:T1/U2"


@pytest.mark.parametrize(
    ("votes", "count"),
    [
        ([], 0),
        ([_vote(A)], 1),
        ([_vote(A), _vote(B, surface="inbox"), _vote(C, surface="teams")], 3),
        ([_vote(A, outcome="deny")], 0),
        ([_vote(A, revision=2)], 0),
        ([_vote(U1), _vote(U2)], 2),
        ([_vote(U1), _vote(A, surface="inbox")], 1),
        ([_vote(U1), _vote(A), _vote(B, surface="inbox")], 2),
        ([_vote(U1), _vote("teams:x/y", surface="teams")], 1),
    ],
)
def test_people_count_together_where_they_can_be_told_apart(votes: list[Vote], count: int) -> None:
    assert approvals(votes, 1) == count


def test_the_quorum_approves_and_one_denial_denies_even_then() -> None:
    two = [_vote(A), _vote(B)]
    assert settles(two, 1, 3) is None
    assert settles(two, 1, 2) is Status.APPROVED
    assert settles([*two, _vote(C, outcome="deny")], 1, 2) is Status.DENIED


def test_votes_on_another_revision_settle_nothing() -> None:
    assert settles([_vote(A), _vote(B, outcome="deny")], 2, 1) is None


def test_a_person_is_known_again_by_any_alias_and_by_their_id() -> None:
    earlier = replace(_vote("email:ana@example.com"), aliases=ANA.aliases)
    request = a_request("slack:C1", votes=(earlier,))
    assert has_voted(request, ANA) is earlier
    assert has_voted(request, Person.known_as("?", {"slack:T1/UANA"})) is earlier
    assert has_voted(request, Person("email:ana@example.com", "Ana", frozenset({"teams:x/y"}))) is earlier
    assert has_voted(request, Person.known_as("Ben", {"email:ben@example.com"})) is None
    assert has_voted(replace(request, revision=2), ANA) is None


def test_an_edit_voids_votes_without_losing_them_and_remembers_what_the_agent_sent() -> None:
    request = a_request("slack:C1", votes=(_vote(A), _vote(B)), params={"amount": 1})
    once = edited(request, {"amount": 2}, "sha256:2", by="Ana", surface="inbox", at=AT)
    twice = edited(once, {"amount": 3}, "sha256:3", by="Ben", surface="slack", at=AT)
    assert (twice.revision, twice.params, twice.fingerprint) == (3, {"amount": 3}, "sha256:3")
    assert twice.original_params == request.params
    assert twice.votes == request.votes
    assert settles(twice.votes, twice.revision, 1) is None
    assert has_voted(twice, Person.known_as("A", {A})) is None


def test_while_paused_only_a_denial_counts() -> None:
    assert counts_while_paused("deny")
    assert not counts_while_paused("approve")


def test_a_request_is_due_at_its_deadline_and_never_without_one_or_after_its_end() -> None:
    request = a_request("slack:C1", expires_at=AT)
    assert is_due(request, AT)
    assert not is_due(request, AT - timedelta(milliseconds=1))
    assert not is_due(replace(request, expires_at=None), AT)
    assert not is_due(replace(request, status=Status.DENIED), AT)
