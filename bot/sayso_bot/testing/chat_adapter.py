# ruff: noqa: S101 - these are tests, kept where an adapter's author can import them
"""The contract of `sayso_bot.ports.ChatAdapter`, as tests that any adapter can run.

Give a fixture named ``harness`` that is a `Harness`, and derive a test class from each suite that applies:
`ShowsRequests` and `TakesTaps` for every surface, `PushesCards` where cards are posted, `FindsPosts` where a post can
be looked up, `KnowsPeople` for all. A test module registers this one for assertion rewriting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sayso_bot.domain.card import Card
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Claims, Outcome, Request, Status
from sayso_bot.ports import ChatAdapter
from sayso_bot.testing.desk import MemoryDesk
from sayso_bot.testing.samples import a_request


@dataclass(frozen=True)
class Shown:
    """What a person sees of a request: all its words, and which of ``approve`` and ``deny`` can be tapped."""

    words: str
    buttons: frozenset[str]


class Harness(Protocol):
    """One adapter at its surface. People are named by the surface's own ids.

    ``approver`` is admitted by ``desk``, ``bystander`` is a proper account that is not; ``approver_alias`` is what the
    adapter proves of the first, ``approver_email`` their confirmed address.
    """

    adapter: ChatAdapter
    desk: MemoryDesk
    place: str
    approver: str
    approver_alias: str
    approver_email: str
    bystander: str

    async def show(self, request: Request) -> None:
        """Take the request in at the desk, and have it shown."""
        ...

    async def refresh(self, request_id: str) -> None:
        """Have what is shown brought up to date, as delivery does."""
        ...

    async def shown(self, request_id: str) -> Shown: ...

    async def tap(self, request_id: str, outcome: Outcome, *, by: str, deliveries: int = 1) -> None:
        """Tap, and return when the tap was dealt with. Only a tap that was told may be awaited by `told`."""
        ...

    async def told(self, who: str) -> Sequence[str]:
        """What this person alone was told; waits for the first such message."""
        ...

    def told_by_now(self, who: str) -> Sequence[str]: ...


class ShowsRequests:
    async def test_a_request_is_shown_with_its_action_params_and_agent(self, harness: Harness) -> None:
        request = a_request(harness.place)
        await harness.show(request)
        words = (await harness.shown(request.id)).words
        for word in ("payments.refund", "order", "A-1017", "amount", "900", "refund-bot", "large refunds"):
            assert word in words

    async def test_an_open_request_can_be_approved_and_denied(self, harness: Harness) -> None:
        request = a_request(harness.place)
        await harness.show(request)
        assert (await harness.shown(request.id)).buttons == {"approve", "deny"}

    async def test_the_agents_words_come_last_and_are_called_the_agents(self, harness: Harness) -> None:
        request = a_request(harness.place, claims=Claims(summary="Trust me, this is fine."))
        await harness.show(request)
        words = (await harness.shown(request.id)).words
        assert words.index("A-1017") < words.index("The agent says") < words.index("Trust me, this is fine.")

    async def test_after_the_end_it_says_who_decided_and_has_no_buttons(self, harness: Harness) -> None:
        request = a_request(harness.place)
        await harness.show(request)
        await harness.tap(request.id, "approve", by=harness.approver)
        await harness.refresh(request.id)
        shown = await harness.shown(request.id)
        assert "Approved by" in shown.words
        assert shown.buttons == frozenset()

    async def test_votes_are_shown_as_they_come(self, harness: Harness) -> None:
        request = a_request(harness.place, requirement={"quorum": 2})
        await harness.show(request)
        await harness.tap(request.id, "approve", by=harness.approver)
        await harness.refresh(request.id)
        shown = await harness.shown(request.id)
        assert "1 of 2 approvals" in shown.words
        assert shown.buttons == {"approve", "deny"}


class MarksRisk:
    """For an adapter whose cards of high risk look different from routine ones."""

    async def test_a_request_of_high_risk_says_so_before_its_params(self, harness: Harness) -> None:
        request = a_request(harness.place, requirement={"high_risk": True})
        await harness.show(request)
        shown = await harness.shown(request.id)
        assert shown.words.index("High risk: look at every value before you approve.") < shown.words.index("A-1017")
        assert shown.buttons == {"approve", "deny"}

    async def test_a_routine_request_does_not(self, harness: Harness) -> None:
        request = a_request(harness.place)
        await harness.show(request)
        assert "risk" not in (await harness.shown(request.id)).words.lower()


class TakesTaps:
    async def test_a_tap_becomes_one_ballot_of_a_proved_person(self, harness: Harness) -> None:
        request = a_request(harness.place)
        await harness.show(request)
        await harness.tap(request.id, "deny", by=harness.approver)
        (ballot,) = harness.desk.ballots
        assert (ballot.request_id, ballot.revision, ballot.outcome) == (request.id, 1, "deny")
        assert ballot.surface == harness.adapter.name
        assert harness.approver_alias in ballot.person.aliases
        assert f"email:{harness.approver_email}" in ballot.person.aliases

    async def test_a_tap_that_is_delivered_twice_votes_once(self, harness: Harness) -> None:
        request = a_request(harness.place, requirement={"quorum": 2})
        await harness.show(request)
        await harness.tap(request.id, "approve", by=harness.approver, deliveries=2)
        assert len({ballot.operation for ballot in harness.desk.ballots}) == 1
        assert len((await harness.desk.look(request.id)).votes) == 1
        assert len(await harness.told(harness.approver)) == 1

    async def test_a_second_tap_of_the_same_person_is_told_that_they_have_answered(self, harness: Harness) -> None:
        request = a_request(harness.place, requirement={"quorum": 2})
        await harness.show(request)
        await harness.tap(request.id, "approve", by=harness.approver)
        await harness.tap(request.id, "approve", by=harness.approver)
        assert len((await harness.desk.look(request.id)).votes) == 1

    async def test_a_refused_tap_is_told_to_the_tapper_alone_and_leaves_the_card(self, harness: Harness) -> None:
        request = a_request(harness.place)
        await harness.show(request)
        before = await harness.shown(request.id)
        await harness.tap(request.id, "approve", by=harness.bystander)
        assert any("not an approver" in text for text in await harness.told(harness.bystander))
        assert not harness.told_by_now(harness.approver)
        assert await harness.shown(request.id) == before
        assert (await harness.desk.look(request.id)).status is Status.PENDING

    async def test_a_tap_after_the_end_is_told_how_it_ended(self, harness: Harness) -> None:
        request = a_request(harness.place)
        await harness.show(request)
        await harness.tap(request.id, "deny", by=harness.approver)
        await harness.tap(request.id, "approve", by=harness.bystander)
        assert any("Denied by" in text for text in await harness.told(harness.bystander))
        assert (await harness.desk.look(request.id)).status is Status.DENIED


class PushesCards:
    async def test_it_says_that_it_pushes(self, harness: Harness) -> None:
        assert harness.adapter.capabilities.pushes

    async def test_a_post_has_an_id_and_can_be_updated_twice(self, harness: Harness) -> None:
        card, button = _asked(harness)
        post = await harness.adapter.post(card, harness.place, button)
        assert post
        await harness.adapter.update(card, harness.place, post, button)
        await harness.adapter.update(card, harness.place, post, button)


class FindsPosts:
    async def test_it_says_that_it_finds(self, harness: Harness) -> None:
        assert harness.adapter.capabilities.finds

    async def test_the_newest_post_of_a_request_is_found(self, harness: Harness) -> None:
        card, button = _asked(harness)
        await harness.adapter.post(card, harness.place, button)
        newest = await harness.adapter.post(card, harness.place, button)
        assert await harness.adapter.find(card.request_id, harness.place) == newest

    async def test_a_request_that_was_never_posted_is_not_found(self, harness: Harness) -> None:
        card, button = _asked(harness)
        await harness.adapter.post(card, harness.place, button)
        assert await harness.adapter.find(a_request(harness.place).id, harness.place) is None


class KnowsPeople:
    async def test_an_approver_that_does_not_exist_is_nobody(self, harness: Harness) -> None:
        assert await harness.adapter.resolve(f"{harness.adapter.name}:NOSUCHTHING") == frozenset()

    async def test_a_person_of_a_confirmed_address_is_recognised(self, harness: Harness) -> None:
        alias = f"email:{harness.approver_email}"
        person = await harness.adapter.recognise(Person.known_as("Somebody", {alias}))
        assert alias in person.aliases
        assert harness.approver_alias in person.aliases

    async def test_a_person_whom_the_platform_does_not_know_is_left_as_they_are(self, harness: Harness) -> None:
        person = Person.known_as("Nobody", {"email:nobody@elsewhere.example"})
        assert await harness.adapter.recognise(person) == person


def _asked(harness: Harness) -> tuple[Card, str]:
    request = a_request(harness.place)
    button = harness.desk.ask(request)
    return harness.desk.card(request), button
