"""The shortcuts: what waits, and the request that a card is about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes.slack_surfaces import deliver, message_shortcut, shortcut
from fakes.slack_views import Dialog
from fakes.slack_workspace import Message
from sayso_bot.domain.request import Cause, Status
from sayso_bot.testing.samples import a_request
from unit.slack.slack_office import PLACE, Office
from unit.slack.surfaces.doings import NOBODIES, SEEN, UNSEEN, asked, opened, pressed, used


class TestShortcuts:
    async def pending(self, office: Office, user: str = "U0ANA") -> Dialog:
        trigger = office.slack.trigger(user)
        return await used(office, shortcut("sayso_pending", user=user, team="T0TEAM", trigger=trigger))

    async def shown(self, office: Office, message: Message, user: str = "U0ANA") -> Dialog:
        trigger = office.slack.trigger(user)
        payload = message_shortcut("sayso_show", message, user=user, team="T0TEAM", trigger=trigger)
        return await used(office, payload)

    async def test_what_waits_opens_at_once_and_leads_to_the_answer(self, office: Office) -> None:
        request = asked(office)
        office.slack.hang("users.info", seconds=0.3)
        trigger = office.slack.trigger("U0ANA")
        await deliver(
            office.url, shortcut("sayso_pending", user="U0ANA", team="T0TEAM", trigger=trigger), office.slack.signed
        )
        dialog = await office.slack.dialog(filled=False)
        assert dialog.words == "One moment."
        await office.slack.until_called("views.update")
        assert SEEN in dialog.words
        shown = office.slack.shown(dialog)
        again = await used(office, pressed(office, "read_to_answer", request.id, view=shown), updates=2)
        assert again is dialog
        assert dialog.submits
        assert await office.slack.submit(office.url, dialog) == 200
        assert "It is approved" in (await office.slack.until_told("U0ANA"))[-1]

    @pytest.mark.parametrize("user", ["U0GUEST", "U0BOT2", "U0GONE", "U0AWAY"])
    async def test_is_one_sentence_for_accounts_that_decide_nothing(self, office: Office, user: str) -> None:
        asked(office)
        assert NOBODIES[user] in (await self.pending(office, user)).words

    async def test_a_delivery_that_slack_repeats_opens_one_dialog(self, office: Office) -> None:
        trigger = office.slack.trigger("U0ANA")
        payload = shortcut("sayso_pending", user="U0ANA", team="T0TEAM", trigger=trigger)
        await used(office, payload)
        await deliver(office.url, payload, office.slack.signed)
        await office.slack.until_called("views.open", count=2)
        await opened(office, "U0ANA")  # by then what became of the second is known
        assert len(office.slack.dialogs) == 1
        assert office.around.log.of("slack.dialog_not_opened") == []
        assert office.slack.told("U0ANA") == []

    async def test_who_gets_no_dialog_is_told_so(self, office: Office) -> None:
        payload = shortcut("sayso_pending", user="U0ANA", team="T0TEAM", trigger="9.9.gone")
        assert (await deliver(office.url, payload, office.slack.signed))[0] == 200
        assert "could not be opened" in (await office.slack.until_told("U0ANA"))[-1]

    async def test_one_that_is_not_ours_is_404(self, office: Office) -> None:
        payload = shortcut("other", user="U0ANA", team="T0TEAM", trigger="1.1.1")
        assert (await deliver(office.url, payload, office.slack.signed))[0] == 404

    @pytest.mark.parametrize("known_by", ["metadata", "buttons", "small print"])
    async def test_a_card_is_known_by_what_it_carries(self, office: Office, known_by: str) -> None:
        request, message = await office.posted(a_request(PLACE, params={"sql": "x\n" * 9000}))
        if known_by != "metadata":
            message.metadata = None
        if known_by == "small print":
            message.blocks = [block for block in message.blocks if block["type"] != "actions"]
        dialog = await self.shown(office, message)
        assert f"{request.id} · revision 1 · page 1 of" in dialog.words
        assert not dialog.submits
        assert dialog.buttons == ["read_next", "read_to_answer", "open_inbox"]
        view = office.slack.shown(dialog)
        await used(office, pressed(office, "read_next", f"{request.id}/1", view=view), updates=2)
        assert "page 2 of" in dialog.words

    async def test_a_card_that_is_over_can_be_read_and_not_answered(self, office: Office) -> None:
        request, message = await office.posted()
        office.desk.end(request.id, Status.EXPIRED, Cause.TIMEOUT)
        dialog = await self.shown(office, message, user="U0BOB")
        assert "Expired: nobody decided in time" in dialog.words
        assert dialog.words.count("0 of 1 approval, from whoever is in the channel") == 1
        assert dialog.buttons == ["open_inbox"]

    async def test_a_card_that_one_may_not_see_is_not_shown(self, office: Office) -> None:
        _, message = await office.posted()
        assert UNSEEN in (await self.shown(office, message, user="U0EVE")).words

    async def test_a_message_of_anybody_else_is_no_card_whatever_it_carries(self, office: Office) -> None:
        _, message = await office.posted()
        forged = replace(message, user="U0EVE", bot_id="B0EVE")
        assert "not the card of one request" in (await self.shown(office, forged)).words

    async def test_a_list_of_several_requests_is_no_card(self, office: Office) -> None:
        _, message = await office.posted()
        _, other = await office.posted()
        listing = replace(message, metadata=None, blocks=[*message.blocks, *other.blocks])
        assert "not the card of one request" in (await self.shown(office, listing)).words

    async def test_a_button_with_nonsense_shows_nothing(self, office: Office) -> None:
        asked(office)
        dialog = await used(office, pressed(office, "read_next", "../../etc/passwd/99999999999999999999"))
        assert UNSEEN in dialog.words
