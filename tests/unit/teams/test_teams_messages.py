"""What is written to the bot, and what it answers: to who asked alone, and no change without a button."""

from __future__ import annotations

import pytest

from fakes.teams_tenant import Message
from sayso_bot.domain.deeds import PauseScope, SetRoute
from sayso_bot.domain.pauses import Scope
from sayso_bot.domain.request import Status
from sayso_bot.errors import ChangedMeanwhile, InvalidField, Unavailable
from sayso_bot.testing.samples import a_request
from unit.teams.teams_office import CHANNEL, CHAT, PLACE, Office


class TestCommands:
    async def test_pending_lists_what_waits_for_who_asks_and_its_button_answers_it(self, office: Office) -> None:
        request, _ = await office.posted()
        said = await office.ask("pending")
        assert "A-1017" in said
        listed = await office.teams.posted()
        assert "Approve" in await office.tap(listed, "review")
        assert "You approved" in await office.tap(listed, "give")
        assert office.desk.requests[request.id].status is Status.APPROVED
        assert office.desk.posts == []

    async def test_show_shows_a_request_to_who_may_see_it_alone(self, office: Office) -> None:
        request, _ = await office.posted()
        assert "A-1017" in await office.ask(f"show {request.id}")
        office.desk._admits = lambda person: False
        assert "no request with this id that you may see" in await office.ask(f"show {request.id}", user="29:eve")
        assert "no request with this id" in await office.ask("show req_nonsense")
        assert "Say which request" in await office.ask("show")

    async def test_who_may_not_answer_a_request_reads_it_and_finds_no_button(self, office: Office) -> None:
        request, _ = await office.posted()
        office.desk._admits = lambda person: False
        await office.ask(f"show {request.id}", user="29:bob")
        shown = await office.teams.posted()
        said = await office.tap(shown, "review", user="29:bob")
        assert "A-1017" in said
        assert "give" not in str(shown.views["29:bob"])
        assert "A-1017" in await office.tap(shown, "close", user="29:bob")

    async def test_routes_and_help_are_told(self, office: Office) -> None:
        assert "Where each kind of action goes" in await office.ask("routes")
        told = await office.ask("help")
        assert "what waits for you" in told
        assert "As an admin" not in told
        assert await office.ask("good morning") == told

    async def test_admins_are_told_what_admins_may_ask(self, office: Office) -> None:
        office.around.office.admits = lambda caller: True
        assert "As an admin" in await office.ask("help")

    async def test_a_guest_is_told_of_nothing(self, office: Office) -> None:
        await office.posted()
        for words in ("pending", "routes"):
            assert "Guests see only" in await office.ask(words, user="29:gus")

    async def test_in_a_channel_the_answer_goes_to_the_persons_own_chat(self, office: Office) -> None:
        request, _ = await office.posted()
        asked = await office.teams.say(office.url, f"show {request.id}", user="29:ana", conversation=CHANNEL)
        assert await office.teams.answered(asked) == "Answered in your chat with Sayso."
        shown = await office.teams.posted()
        assert (shown.conversation, "A-1017" in shown.words) == (office.chat("29:ana"), True)

    async def test_in_a_group_chat_too(self, office: Office) -> None:
        await office.teams.say(office.url, "help", user="29:ana", conversation=CHAT)
        assert "what waits for you" in (await office.teams.until_told("29:ana"))[-1]

    async def test_where_no_chat_can_be_opened_nothing_is_told_in_the_channel(self, office: Office) -> None:
        request, _ = await office.posted()
        office.teams.fail("create", 403, "Forbidden")
        asked = await office.teams.say(office.url, f"show {request.id}", user="29:bob", conversation=CHANNEL)
        said = await office.teams.answered(asked)
        assert "cannot open a chat with you" in said
        assert "A-1017" not in said

    async def test_somebody_of_whom_teams_cannot_say_who_they_are_is_shown_nothing(self, office: Office) -> None:
        await office.posted()
        office.teams.fail("member", 500, times=2)
        assert "could not be checked what you may see" in await office.ask("pending")

    async def test_while_requests_cannot_be_read_that_is_said(self, office: Office) -> None:
        office.desk.broken = Unavailable("away")
        assert "cannot read its requests" in await office.ask("pending")

    async def test_markup_in_what_is_said_is_not_obeyed(self, office: Office) -> None:
        request = a_request(PLACE, action="x.[click](https://evil.example)")
        office.desk.ask(request)
        await office.ask("pending")
        listed = await office.teams.posted()
        assert "https://evil.example" not in [element.get("url") for element in _all(listed.card)]


def _all(node: object) -> list[dict[str, object]]:
    if isinstance(node, dict):
        return [node, *(found for value in node.values() for found in _all(value))]
    return [found for item in node for found in _all(item)] if isinstance(node, list) else []


class TestAdmins:
    @pytest.fixture(autouse=True)
    def olga(self, office: Office) -> None:
        office.around.office.admits = lambda caller: (
            caller.person is not None and caller.person.is_any("email:ana@example.com")
        )

    async def asked(self, office: Office, words: str, *, conversation: str = CHANNEL) -> Message:
        """The card that an admin's command, typed in the channel, is answered with."""
        await office.teams.say(office.url, words, user="29:ana", conversation=conversation)
        return await office.teams.posted()

    async def test_a_command_is_shown_with_what_it_would_do_and_done_by_its_button(self, office: Office) -> None:
        card = await self.asked(office, "channel use deploy.* for 2h because the other one is full")
        assert "SetRoute would be done" in card.words
        assert office.around.office.done == []
        assert "SetRoute was done" in await office.tap(card, "confirm", inputs={"reason": "moved for today"})
        (deed, caller, call) = office.around.office.done[0]
        assert isinstance(deed, SetRoute)
        assert (deed.action, deed.to, deed.why, deed.for_seconds) == ("deploy.*", PLACE, "moved for today", 7200)
        assert (caller.surface, caller.place, caller.guest) == ("teams", PLACE, False)
        assert (call.confirmed, call.answered) == (False, "")

    async def test_tapped_twice_it_is_done_once(self, office: Office) -> None:
        card = await self.asked(office, "pause deploy.*")
        await office.tap(card, "confirm", deliveries=2)
        card.views.clear()
        await office.tap(card, "confirm")
        assert [deed for deed, _, _ in office.around.office.done] == [PauseScope(Scope(action="deploy.*"), "")]

    async def test_leaving_it_changes_nothing(self, office: Office) -> None:
        card = await self.asked(office, "pause everything")
        assert "Nothing was changed" in await office.tap(card, "close")
        assert office.around.office.done == []

    async def test_what_cannot_be_read_is_told_how_it_is_written(self, office: Office) -> None:
        assert "Write it as: route deploy.* to CHANNEL" in await office.ask("route")

    async def test_who_is_no_admin_is_told_so_and_shown_nothing(self, office: Office) -> None:
        said = await office.ask("pause everything", user="29:bob")
        assert "for admins" in said
        assert office.around.office.seen == []

    async def test_a_guest_is_no_admin_even_where_named(self, office: Office) -> None:
        office.around.office.admits = lambda caller: True
        assert "for admins" in await office.ask("pause everything", user="29:gus")

    async def test_nobody_else_can_carry_out_what_an_admin_typed(self, office: Office) -> None:
        card = await self.asked(office, "pause everything")
        office.around.office.admits = lambda caller: True
        payload = office.teams.payload(card, "confirm", user="29:bob")
        payload |= {
            name: office.teams.envelope(office.chat("29:bob"), "29:bob")[name]
            for name in ("conversation", "channelData")
        }
        await office.teams.invoke(office.url, card, payload)
        assert "Somebody else has typed this command" in office.teams.told("29:bob")[-1]
        assert office.around.office.done == []

    async def test_who_is_no_admin_any_more_does_nothing(self, office: Office) -> None:
        card = await self.asked(office, "pause everything")
        office.around.office.admits = lambda caller: False
        assert "for admins" in await office.tap(card, "confirm")
        assert office.around.office.done == []

    async def test_where_another_admin_was_quicker_it_is_shown_anew(self, office: Office) -> None:
        card = await self.asked(office, "pause everything")
        office.around.office.trouble = [ChangedMeanwhile("changed")]
        assert "Another admin has changed something meanwhile" in await office.tap(card, "confirm")
        assert "PauseScope was done" in await office.tap(card, "confirm")

    async def test_a_reason_that_will_not_do_is_marked_and_asked_again(self, office: Office) -> None:
        card = await self.asked(office, "pause everything")
        office.around.office.trouble = [InvalidField("The reason is too long.", field="reason")]
        assert "The reason is too long." in await office.tap(card, "confirm", inputs={"reason": "x" * 400})
        assert "PauseScope was done" in await office.tap(card, "confirm", inputs={"reason": "short"})

    async def test_a_card_from_too_long_ago_does_nothing(self, office: Office) -> None:
        card = await self.asked(office, "pause everything")
        office.around.shelf.kept = {
            name: value for name, value in office.around.shelf.kept.items() if not name.startswith("admin/")
        }
        assert "from too long ago" in await office.tap(card, "confirm")
        assert office.around.office.done == []

    async def test_in_a_chat_of_ones_own_there_is_no_here(self, office: Office) -> None:
        assert "Say it in the channel that you mean" in await office.ask("channel use deploy.*")

    async def test_while_the_office_cannot_be_asked_it_is_not_known_and_may_be_tried_again(
        self, office: Office
    ) -> None:
        await office.ask("help")  # so her chat with the bot is known, and who she is
        card = await self.asked(office, "pause everything")
        office.around.shelf.broken = Unavailable("away")
        assert "not known whether this was done" in await office.tap(card, "confirm")
        office.around.shelf.broken = None
        assert "PauseScope was done" in await office.tap(card, "confirm")


class TestWhatElseTeamsSends:
    async def test_a_call_for_an_answer_that_nobody_offers_is_told_so(self, office: Office) -> None:
        made = office.teams.envelope(CHANNEL, "29:ana")
        answer = await office.teams.deliver(office.url, {**made, "type": "invoke", "name": "composeExtension/query"})
        assert answer.status == 501

    @pytest.mark.parametrize("kind", ["messageUpdate", "messageReaction", "typing", "event"])
    async def test_what_asks_for_nothing_is_acknowledged(self, office: Office, kind: str) -> None:
        made = office.teams.envelope(CHANNEL, "29:ana")
        assert (await office.teams.deliver(office.url, {**made, "type": kind})).status == 202

    async def test_a_team_whose_channels_cannot_be_listed_has_the_one_that_was_named(self, office: Office) -> None:
        office.teams.fail("team", 403, "Forbidden")
        before = len(office.teams.called("team"))
        await office.teams.install(office.url, CHANNEL, user="29:ana")
        await office.teams.until_called("team", count=before + 1)
        await office.posted()

    async def test_an_admin_of_an_older_client_confirms_in_the_same_way(self, office: Office) -> None:
        office.around.office.admits = lambda caller: True
        await office.teams.say(office.url, "pause deploy.*", user="29:ana", conversation=office.chat("29:ana"))
        card = await office.teams.posted()
        assert await office.teams.submit(office.url, card, "confirm", user="29:ana") == 202
        assert "PauseScope was done" in (await office.teams.until_told("29:ana"))[-1]
