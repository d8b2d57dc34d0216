"""What is told beside a card and to one person alone: in few messages, and not twice for a lost answer."""

from __future__ import annotations

import pytest

from sayso_bot.domain.notice import Notice
from sayso_bot.domain.story import Entry
from sayso_bot.ports import Gone, LookupFailed, Retry
from unit.teams.teams_office import CHANNEL, CHAT, PLACE, Office

FIRST, SECOND = Entry("req_1", "vote:1:ana", "Ana **approved**."), Entry("req_2", "decided", "Denied by Ben.")
WORD = Entry("req_1", "principal", "Approved by Ana <at>everybody</at>.")
ADDRESS = "ana@example.com"


class TestTheThread:
    async def test_several_things_are_one_reply_under_the_post(self, office: Office) -> None:
        _, message = await office.posted()
        await office.adapter.narrate(PLACE, message.id, [FIRST, SECOND])
        assert office.teams.thread(message) == ["Ana **approved**.\n\nDenied by Ben."]
        assert office.teams.replies[-1].raw["textFormat"] == "plain"

    async def test_in_a_chat_which_has_no_threads_it_is_a_message(self, office: Office) -> None:
        await office.teams.say(office.url, "help", user="29:ana", conversation=CHAT)
        await office.adapter.narrate(f"teams:{CHAT}", "17", [FIRST])
        told = [message.words for message in office.teams.messages if message.conversation == CHAT]
        assert "Ana **approved**." in told

    async def test_what_lost_its_answer_is_taken_as_told_and_what_was_refused_is_not(self, office: Office) -> None:
        _, message = await office.posted()
        office.teams.drop("send")
        with pytest.raises(Retry):
            await office.adapter.narrate(PLACE, message.id, [FIRST])
        office.teams.limit_rate("send", after=1)
        with pytest.raises(Retry):
            await office.adapter.narrate(PLACE, message.id, [SECOND])
        assert await office.adapter.told(PLACE, message.id, [FIRST, SECOND]) == [FIRST]

    async def test_of_many_that_lost_their_answer_the_latest_are_remembered(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sayso_adapters.teams.thread.MOST_REMEMBERED", 1)
        _, message = await office.posted()
        office.teams.drop("send", times=2)
        for entry in (FIRST, SECOND):
            with pytest.raises(Retry):
                await office.adapter.narrate(PLACE, message.id, [entry])
        assert await office.adapter.told(PLACE, message.id, [FIRST, SECOND]) == [SECOND]

    async def test_under_a_post_that_was_deleted_nothing_can_be_told(self, office: Office) -> None:
        with pytest.raises(Gone):
            await office.adapter.narrate(PLACE, "17", [FIRST])


class TestOnePerson:
    async def test_is_told_in_their_own_chat_which_is_opened_where_it_is_not_known(self, office: Office) -> None:
        said = await office.adapter.notify(ADDRESS, WORD, near=PLACE, look=False)
        assert said is not None
        assert said.startswith(f"{office.teams.alias('29:ana')}/")
        assert office.teams.told("29:ana") == ["Approved by Ana <at>everybody</at>."]
        await office.adapter.notify(ADDRESS, WORD, near="inbox", look=False)
        assert len(office.teams.called("create")) == 1

    async def test_is_not_told_again_what_lost_its_answer(self, office: Office) -> None:
        office.chat("29:ana")
        office.teams.drop("send")
        with pytest.raises(Retry):
            await office.adapter.notify(ADDRESS, WORD, near=PLACE, look=False)
        assert await office.adapter.notify(ADDRESS, WORD, near=PLACE, look=True) is not None
        assert len(office.teams.told("29:ana")) == 1

    @pytest.mark.parametrize(
        "address", ["nobody@example.com", "gus@partner.example", "pia@other.example", "", "eve@example.com"]
    )
    async def test_whom_no_roster_vouches_for_is_nobody(self, office: Office, address: str) -> None:
        assert await office.adapter.notify(address, WORD, near=PLACE, look=False) is None

    async def test_while_rosters_cannot_be_read_it_is_not_known_whether_teams_has_them(self, office: Office) -> None:
        office.teams.fail("members", 500)
        with pytest.raises(LookupFailed):
            await office.adapter.notify(ADDRESS, WORD, near=PLACE, look=False)

    async def test_who_may_be_in_a_place_that_was_not_looked_at_is_left_to_other_platforms_and_the_log_says_so(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sayso_adapters.teams.places.MOST_PLACES", 0)
        office.adapter._places._listed._entries.clear()
        assert await office.adapter.notify(ADDRESS, WORD, near=PLACE, look=False) is None
        assert [line["what"] for line in office.around.log.of("teams.principal_not_found")] == ["too_many_places"]

    async def test_who_has_blocked_the_bot_cannot_be_told(self, office: Office) -> None:
        office.chat("29:ana")
        office.teams.fail("send", 403, "ConversationBlockedByUser")
        with pytest.raises(Gone):
            await office.adapter.notify(ADDRESS, WORD, near=PLACE, look=False)


async def test_an_announcement_is_plain_words_at_the_place(office: Office) -> None:
    post = await office.adapter.announce(Notice("ntc_" + "0" * 24, "Olga moved **deploy.***."), PLACE)
    message = await office.teams.posted()
    assert (message.id, message.words, message.conversation) == (post, "Olga moved **deploy.***.", CHANNEL)


async def test_an_announcement_that_cannot_be_made_says_what_would_help(office: Office) -> None:
    office.teams.conversations[CHANNEL].open = False
    with pytest.raises(Gone) as raised:
        await office.adapter.announce(Notice("ntc_" + "0" * 24, "Hello."), PLACE)
    assert "Add it to the team or chat again" in raised.value.todo
