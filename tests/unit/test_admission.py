"""Who is not admitted is told why, in words for one who looks and in words for one who has tried."""

from __future__ import annotations

from typing import Any, cast

import pytest
from msgspec.structs import replace

from sayso_bot.admission import NOT_COUNTED, Admission
from sayso_bot.domain.person import OPERATOR, Person
from sayso_bot.domain.request import Request, Vote
from sayso_bot.errors import CannotCheck, NotAnApprover, OwnRequest, VoteRefused
from sayso_bot.ports import ChatAdapter, LookupFailed
from sayso_bot.testing.samples import AT, a_request

ANA = Person.known_as("Ana", {"email:ana@example.com"})
CLEO = Person.known_as("Cleo", {"email:cleo@example.com"})
LOCAL = Person.known_as("Operator", {OPERATOR})
FINANCE = {"approvers": ("email:ana@example.com", "email:ben@example.com"), "group": "finance"}


async def _refused(request: Request, person: Person) -> VoteRefused:
    with pytest.raises(VoteRefused) as refused:
        await Admission({}).evidence(request, person, {}, surface="inbox")
    return refused.value


async def test_who_only_looks_is_not_told_of_a_vote() -> None:
    refused = await _refused(a_request("inbox", requirement=FINANCE), CLEO)
    assert isinstance(refused, NotAnApprover)
    assert refused.why == "Only finance may decide this (rule “large refunds”)."
    assert refused.detail == f"{refused.why} {NOT_COUNTED}"


async def test_who_the_agent_acts_for_is_told_that_somebody_else_decides() -> None:
    refused = await _refused(a_request("inbox", requirement=FINANCE, principal="ana@example.com"), ANA)
    assert isinstance(refused, OwnRequest)
    assert "somebody else" in refused.why
    assert refused.detail.endswith(NOT_COUNTED)


@pytest.mark.parametrize(
    ("requirement", "line"),
    [
        (FINANCE, "“finance: [operator, email:ana@example.com, email:ben@example.com]” under approvers"),
        ({"approvers": ("email:ana@example.com",)}, "“approvers: [operator, email:ana@example.com]” in that rule"),
        ({}, "“approvers: [operator, …]” in that rule"),
    ],
)
async def test_the_operator_is_told_the_line_that_would_admit_them(requirement: dict[str, Any], line: str) -> None:
    refused = await _refused(a_request("inbox", requirement=requirement), LOCAL)
    assert refused.why.endswith(f"the policy needs {line}.")


async def test_who_cannot_be_looked_up_is_told_which_platform_is_not_set_up() -> None:
    named = {"approvers": ("slack:S0FINANCE", "email:ana@example.com")}
    refused = await _refused(a_request("inbox", requirement=named), LOCAL)
    assert isinstance(refused, CannotCheck)
    assert refused.why.endswith("the rule names people of slack, which is not set up here.")


class Away:
    """A platform that can say nothing now, or nothing until somebody mends it."""

    name = "slack"

    def __init__(self, *, lasting: bool = False) -> None:
        self._lasting = lasting

    async def recognise(self, person: Person) -> Person:
        raise LookupFailed("away", lasting=self._lasting)

    async def resolve(self, approver: str, *, fresh: bool = False) -> frozenset[str]:
        raise LookupFailed("away", lasting=self._lasting)


def _with_slack(away: Away) -> Admission:
    return Admission({"slack": cast("ChatAdapter", away)})


@pytest.mark.parametrize("approvers", [("slack:S0FINANCE", "teams:T/A"), ("teams:T/A", "slack:S0FINANCE")])
async def test_a_platform_that_is_away_may_admit_them_later_whatever_else_is_not_set_up(
    approvers: tuple[str, ...],
) -> None:
    request = a_request("inbox", requirement={"approvers": approvers})
    with pytest.raises(CannotCheck, match="Try again shortly") as refused:
        await _with_slack(Away()).evidence(request, CLEO, {}, surface="inbox")
    assert refused.value.retry_after is not None


async def test_nobody_is_told_to_try_again_where_that_cannot_help() -> None:
    admission, named = _with_slack(Away(lasting=True)), ("slack:S0FINANCE",)
    request = a_request("inbox", requirement={"approvers": named})
    given = Vote(ANA.id, "Ana", frozenset({"slack:T0TEAM/U0ANA"}), "approve", None, "slack", 1, "in", True, AT)
    with pytest.raises(CannotCheck, match="An admin must mend that first") as refused:
        await admission.evidence(request, CLEO, {}, surface="inbox")
    assert refused.value.retry_after is None
    with pytest.raises(CannotCheck, match="An admin must mend that first"):
        await admission.one_of(named, CLEO, fresh=True)
    with pytest.raises(CannotCheck, match="An admin must mend that first"):
        await admission.no_longer_admitted(replace(request, votes=(given,)), {})


async def test_an_earlier_approval_counts_no_further_where_the_platform_that_gave_it_is_not_set_up() -> None:
    """Ana's account may be deactivated; that her address is named says nothing about it."""
    aliases = ANA.aliases | {"slack:T0TEAM/U0ANA"}
    given = Vote(ANA.id, "Ana", aliases, "approve", None, "slack", 1, "email:ana@example.com", True, AT)
    with pytest.raises(CannotCheck, match="one was given in slack, which is not set up here"):
        await Admission({}).no_longer_admitted(a_request("inbox", requirement=FINANCE, votes=(given,)), {})
    in_inbox = replace(given, surface="inbox")
    assert not await Admission({}).no_longer_admitted(a_request("inbox", requirement=FINANCE, votes=(in_inbox,)), {})
