"""Who is shown a request, asked for by its id."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from sayso_bot.domain.request import Cause, Request, Status, Vote
from sayso_bot.testing.desk import nobody_can_say
from sayso_bot.testing.samples import AT, a_request
from unit.slack.slack_office import PLACE, Office
from unit.slack.surfaces.doings import SEEN, UNSEEN, asked, pressed, said, used, words

UNCHECKED = "could not be checked what you may see"


class TestWhoMaySeeARequest:
    """Asked by its id, which anybody may know."""

    async def shown(self, office: Office, request: Request, user: str) -> str:
        """What ``show`` and the dialog of a button that names it say; both must agree."""
        told = words(await said(office, f"show {request.id}", user=user))
        updates = len(office.slack.called("views.update")) + 1
        dialog = await used(office, pressed(office, "read", request.id, user=user), updates=updates)
        assert (SEEN in told) == (SEEN in dialog.words)
        return told

    async def test_not_somebody_who_is_no_approver(self, office: Office) -> None:
        request = asked(office)
        told = await self.shown(office, request, "U0EVE")
        assert UNSEEN in told
        assert told == words(await said(office, "show req_01939d7a-0000-7000-8000-000000000000", user="U0EVE"))

    async def test_who_may_answer_it(self, office: Office) -> None:
        assert SEEN in await self.shown(office, asked(office), "U0ANA")

    async def test_who_is_in_the_channel_where_its_card_is(self, office: Office) -> None:
        assert SEEN in await self.shown(office, asked(office), "U0BOB")

    async def test_who_is_in_the_channel_to_which_it_was_moved_and_not_who_is_in_the_first(
        self, office: Office
    ) -> None:
        office.slack.add_channel("C0OTHER", ["U0EVE"])
        request = replace(a_request(PLACE), place="slack:C0OTHER")
        office.desk.ask(request)
        assert SEEN in await self.shown(office, request, "U0EVE")
        assert UNSEEN in await self.shown(office, request, "U0BOB")

    async def test_who_has_answered_it_and_left_the_channel(self, office: Office) -> None:
        vote = Vote("x", "Eve", frozenset({"slack:T0TEAM/U0EVE"}), "approve", None, "slack", 1, "e", True, AT)
        assert SEEN in await self.shown(office, asked(office, votes=(vote,)), "U0EVE")

    @pytest.mark.parametrize("approver", ["slack:U0EVE", "slack:S0GROUP", "email:eve@example.com"])
    async def test_an_approver_once_it_is_over(self, office: Office, approver: str) -> None:
        office.slack.add_group("S0GROUP", ["U0EVE"])
        request = asked(office, requirement={"approvers": ("slack:U0X", approver)})
        office.desk.end(request.id, Status.EXPIRED, Cause.TIMEOUT)
        assert SEEN in await self.shown(office, request, "U0EVE")

    async def test_a_guest_by_nothing_but_their_name_in_the_rule(self, office: Office) -> None:
        office.slack.add_channel("C0PAYMENTS", ["U0GUEST"])
        assert UNSEEN in await self.shown(office, asked(office), "U0GUEST")
        named = asked(office, requirement={"approvers": ("slack:U0GUEST",)})
        assert SEEN in await self.shown(office, named, "U0GUEST")

    async def test_one_in_the_inbox_alone_is_not_shown_to_who_may_not_answer_it_here(self, office: Office) -> None:
        request = a_request("inbox")
        office.desk.ask(request)
        assert UNSEEN in await self.shown(office, request, "U0EVE")

    async def test_nobody_while_members_cannot_be_looked_up(self, office: Office) -> None:
        request = asked(office)
        office.slack.fail("conversations.members", "internal_error")
        assert UNCHECKED in words(await said(office, f"show {request.id}", user="U0EVE"))

    async def test_nobody_is_told_that_there_is_none_while_another_platform_cannot_say_who_may(
        self, office: Office
    ) -> None:
        request = asked(office, requirement={"approvers": ("teams:T/a-group",)})
        office.desk._admits = nobody_can_say
        assert UNCHECKED in await self.shown(office, request, "U0EVE")
        assert SEEN in await self.shown(office, request, "U0BOB"), "who is in the channel sees it all the same"
