"""What is told in a thread and to one person alone: in few messages, and never twice for a lost answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes.slack_oauth import FakeSlackApp
from fakes.slack_workspace import Message
from sayso_bot.domain.story import Entry
from sayso_bot.ports import Gone, LookupFailed, Rejected, Retry
from sayso_bot.testing.desk import MemoryDesk
from unit.slack.slack_office import PLACE, Office
from unit.slack.slack_tenants import ONE, PLACE_TWO, TWO, install, replica

FIRST, SECOND = Entry("req_1", "vote:1:ana", "Ana <approved>."), Entry("req_2", "decided", "Denied by Ben.")
WORD = Entry("req_1", "principal", "Approved by Ana <!here>.")
ADDRESS = "ana@example.com"


def directly(office: Office) -> list[Message]:
    return [message for message in office.slack.messages if message.channel == "DU0ANA"]


class TestTheThread:
    async def test_several_things_are_one_message(self, office: Office) -> None:
        _, message = await office.posted()
        await office.adapter.narrate(PLACE, message.ts, [FIRST, SECOND])
        assert office.slack.thread(message) == ["Ana &lt;approved&gt;.\nDenied by Ben."]

    async def test_what_an_earlier_try_told_is_found(self, office: Office) -> None:
        _, message = await office.posted()
        assert await office.adapter.told(PLACE, message.ts, [FIRST, SECOND]) == []
        await office.adapter.narrate(PLACE, message.ts, [FIRST])
        assert await office.adapter.told(PLACE, message.ts, [FIRST, SECOND]) == [FIRST]
        await office.adapter.narrate(PLACE, message.ts, [SECOND])
        assert await office.adapter.told(PLACE, message.ts, [FIRST, SECOND]) == [FIRST, SECOND]

    async def test_twenty_of_the_longest_are_within_slacks_limits(self, office: Office) -> None:
        _, message = await office.posted()
        longest = [Entry(f"req_{n:038}", f"vote:1:email%3A{'x' * 60}", '"' * 5000) for n in range(20)]
        await office.adapter.narrate(PLACE, message.ts, longest)
        assert len(office.slack.thread(message)) == 1


class TestOnePerson:
    async def test_is_told_by_direct_message(self, office: Office) -> None:
        said = await office.adapter.notify(ADDRESS, WORD, near=PLACE, look=False)
        [message] = directly(office)
        assert (message.text, said) == ("Approved by Ana &lt;!here&gt;.", f"slack:T0TEAM/U0ANA/{message.ts}")
        assert office.slack.told("U0ANA") == []

    async def test_is_not_told_again_what_an_earlier_try_told(self, office: Office) -> None:
        first = await office.adapter.notify(ADDRESS, WORD, near="inbox", look=True)
        assert await office.adapter.notify(ADDRESS, WORD, near="inbox", look=True) == first
        assert len(directly(office)) == 1

    async def test_what_an_earlier_try_told_is_found_behind_all_that_was_told_since(self, office: Office) -> None:
        first = await office.adapter.notify(ADDRESS, WORD, near=PLACE, look=False)
        for number in range(2, 452):
            await office.adapter.notify(ADDRESS, replace(WORD, request_id=f"req_{number}"), near=PLACE, look=False)
        assert await office.adapter.notify(ADDRESS, WORD, near=PLACE, look=True) == first
        assert len(directly(office)) == 451

    async def test_the_same_metadata_from_somebody_else_is_no_word_of_ours(self, office: Office) -> None:
        await office.adapter.notify(ADDRESS, WORD, near=PLACE, look=False)
        [message] = directly(office)
        message.user, message.bot_id = "U0ANA", "B0OTHER"
        await office.adapter.notify(ADDRESS, WORD, near=PLACE, look=True)
        assert len(directly(office)) == 2

    @pytest.mark.parametrize("address", ["nobody@example.com", "gus@example.com", ""])
    async def test_whom_slack_does_not_know_for_sure_is_nobody(self, office: Office, address: str) -> None:
        office.slack.add_user("U0GUS", name="Gus", email="gus@example.com", confirmed=False)
        assert await office.adapter.notify(address, WORD, near=PLACE, look=False) is None
        assert office.slack.messages == []

    @pytest.mark.parametrize(
        ("method", "code", "error"),
        [
            ("users.lookupByEmail", "internal_error", Retry),
            ("conversations.open", "cannot_dm_bot", Gone),
            ("chat.postMessage", "invalid_blocks", Rejected),
        ],
    )
    async def test_trouble_has_its_kind(self, office: Office, method: str, code: str, error: type[Exception]) -> None:
        office.slack.fail(method, code)
        with pytest.raises(error):
            await office.adapter.notify(ADDRESS, WORD, near=PLACE, look=False)


class TestManyWorkspaces:
    async def test_the_one_in_which_people_were_asked_comes_first_and_a_refused_one_is_left_out(self) -> None:
        async with FakeSlackApp() as app, replica(app, MemoryDesk()) as service:
            for team in (ONE, TWO):
                app.add_workspace(team).add_user("U0ANA", name="Ana", email=ADDRESS)
                await install(app, service, team)
            told = await service.adapter.notify(ADDRESS, WORD, near=PLACE_TWO, look=False)
            assert (told or "").startswith(f"slack:{TWO}/U0ANA/")
            app.revoke(TWO)
            with pytest.raises(Gone):
                await service.adapter.notify(ADDRESS, WORD, near=PLACE_TWO, look=False)
            told = await service.adapter.notify(ADDRESS, WORD, near=PLACE_TWO, look=False)
            assert (told or "").startswith(f"slack:{ONE}/U0ANA/")

    async def test_whom_only_a_refused_one_could_know_is_not_taken_for_nobody(self) -> None:
        async with FakeSlackApp() as app, replica(app, MemoryDesk()) as service:
            for team in (ONE, TWO):
                app.add_workspace(team)
                await install(app, service, team)
            app.members[TWO].add_user("U0ANA", name="Ana", email=ADDRESS)
            await service.adapter.resolve(f"slack:{TWO}/U0ANA")
            app.revoke(TWO)
            for _ in range(2):  # Slack refuses the token, and is not asked again for a minute
                with pytest.raises(LookupFailed):
                    await service.adapter.notify(ADDRESS, WORD, near="inbox", look=False)
