"""The app's home: what waits, what was answered and where actions go, for each person their own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.slack_surfaces import deliver, home_opened
from sayso_bot.domain.person import Person
from sayso_bot.domain.policy import Route
from sayso_bot.domain.request import Status, Vote
from sayso_bot.errors import CannotCheck, Unavailable
from sayso_bot.testing.samples import AT, a_request, a_requirement
from unit.slack.slack_office import PLACE, Office, wait_until
from unit.slack.surfaces.doings import ANA, NOBODIES, SEEN, asked, opened, pressed, used


class TestTheHome:
    async def test_shows_what_waits_what_was_answered_and_where_actions_go(self, office: Office) -> None:
        asked(office, expires_at=AT + timedelta(minutes=30))
        done, shown = await office.posted(a_request(PLACE, action="files.delete"))
        await office.tap(shown, "deny", user="U0ANA")
        routes = [Route("large", "db.*", True, "ask", a_requirement(PLACE, quorum=2, group="dbas"))]
        office.desk.policy = (*routes, Route("never", "db.drop", False, "deny", None))
        told = await opened(office, "U0ANA")
        waits, _, rest = told.partition("You answered lately")
        answered, _, goes = rest.partition("Where each kind of action goes")
        assert "payments.refund: order “A-1017”, amount 900" in waits
        assert "refund-bot asks\nuntil <!date^" in waits
        assert "files.delete" in answered
        assert "Denied by Ana" in answered
        assert "db.* (under a condition): asked in payments, 2 approvals from dbas, within 30m" in goes
        assert "db.drop: denied by the rule “never”" in goes
        assert office.desk.requests[done.id].settled

    async def test_the_oldest_waits_first_and_what_was_answered_waits_no_more(self, office: Office) -> None:
        for number in range(3):
            asked(office, f"step.{number}", created_at=AT + timedelta(seconds=number))
        _, shown = await office.posted(a_request(PLACE, action="done.already", requirement={"quorum": 2}))
        await office.tap(shown, "approve", user="U0ANA")
        waits, _, rest = (await opened(office, "U0ANA")).partition("You answered lately")
        assert [waits.index(f"step.{number}") for number in range(3)] == sorted(
            waits.index(f"step.{number}") for number in range(3)
        )
        assert "done.already" not in waits
        assert "Still open: 1 of 2 approvals" in rest

    async def test_is_empty_for_who_may_answer_nothing(self, office: Office) -> None:
        asked(office)
        told = await opened(office, "U0EVE")
        assert "Nothing waits for you." in told
        assert SEEN not in told

    @pytest.mark.parametrize("user", ["U0GUEST", "U0BOT2", "U0GONE", "U0AWAY"])
    async def test_is_one_sentence_for_accounts_that_decide_nothing(self, office: Office, user: str) -> None:
        asked(office)
        office.desk.policy = (Route("r", "secret.action", False, "allow", None),)
        told = await opened(office, user)
        assert NOBODIES[user] in told
        assert len(office.slack.homes[user]["blocks"]) == 1

    async def test_shows_a_guest_only_what_names_them_and_no_routes(self, office: Office) -> None:
        asked(office, "named.one", requirement={"approvers": ("slack:U0GUEST",)})
        asked(office, "other.one")
        office.desk.policy = (Route("r", "secret.action", False, "allow", None),)
        told = await opened(office, "U0GUEST")
        assert "named.one" in told
        assert "other.one" not in told
        assert "secret.action" not in told

    async def test_of_three_hundred_shows_twenty_checks_fifty_and_counts_the_rest(self, office: Office) -> None:
        for number in range(300):
            asked(office, f"step.n{number:03}")
        told = await opened(office, "U0ANA")
        assert [line.split(":")[0] for line in told.splitlines() if line.startswith("step.")] == [
            f"step.n{number:03}" for number in range(100, 120)
        ]
        assert "180 newer requests were not looked at. There may be older ones." in told

    async def test_asks_whether_somebody_may_answer_fifty_times_at_most(self, office: Office) -> None:
        checked = 0

        def admits(_: Person) -> bool:
            nonlocal checked
            checked += 1
            return False

        office.desk._admits = admits
        for number in range(120):
            asked(office, f"step.n{number:03}")
        assert "70 newer requests were not looked at." in await opened(office, "U0ANA")
        assert checked == 50

    async def test_what_was_answered_takes_no_room_among_the_fifty(self, office: Office) -> None:
        vote = Vote("x", "Ana", frozenset({ANA}), "approve", None, "slack", 1, "e", True, AT)
        for _ in range(60):
            asked(office, votes=(vote,), requirement={"quorum": 2})
        asked(office, "the.last")
        assert "the.last" in (await opened(office, "U0ANA")).partition("You answered lately")[0]

    async def test_says_of_how_many_it_could_not_be_checked_whether_they_wait(self, office: Office) -> None:
        unknown = [CannotCheck("It could not be checked whether you may decide this.") for _ in range(2)]

        def admits(_: Person) -> bool:
            if unknown:
                raise unknown.pop()
            return False

        office.desk._admits = admits
        for _ in range(3):
            asked(office)
        told = await opened(office, "U0ANA")
        assert "It could not be checked whether 2 more wait for you. The inbox lists all that wait." in told

    async def test_lists_fifty_rules_and_counts_the_others(self, office: Office) -> None:
        office.desk.policy = tuple(Route("r" * 200, f"a{n:02}." + "&" * 100, False, "deny", None) for n in range(80))
        told = await opened(office, "U0ANA")
        assert "a49." in told
        assert "a50." not in told
        assert "30 more rules are not listed." in told

    async def test_opened_twice_is_harmless_and_each_person_gets_their_own(self, office: Office) -> None:
        asked(office)
        for user in ("U0ANA", "U0ANA", "U0EVE"):
            await deliver(office.url, home_opened(user, team="T0TEAM"), office.slack.signed)

        async def both() -> bool:
            return {"U0ANA", "U0EVE"} <= office.slack.homes.keys()

        await wait_until(both)
        assert SEEN in office.slack.home_words("U0ANA")
        assert SEEN not in office.slack.home_words("U0EVE")

    async def test_the_messages_tab_and_odd_events_publish_nothing(self, office: Office) -> None:
        for event in (home_opened("U0ANA", team="T0TEAM", tab="messages"), home_opened("W/../x", team="T0TEAM")):
            assert (await deliver(office.url, event, office.slack.signed))[0] == 200
        await opened(office, "U0ANA")
        assert len(office.slack.called("views.publish")) == 1

    async def test_an_event_that_nobody_asked_for_is_404(self, office: Office) -> None:
        event = home_opened("U0ANA", team="T0TEAM")
        event["event"]["type"] = "member_joined_channel"
        assert (await deliver(office.url, event, office.slack.signed))[0] == 404

    @pytest.mark.parametrize("trouble", ["limited", "broken", "refused"])
    async def test_slack_failing_is_logged_once_and_the_next_opening_publishes(
        self, office: Office, trouble: str
    ) -> None:
        if trouble == "limited":
            office.slack.limit_rate("views.publish", after=30)
        elif trouble == "broken":
            office.slack.break_("views.publish", status=500)
        else:
            office.slack.fail("views.publish", "internal_error")
        await deliver(office.url, home_opened("U0ANA", team="T0TEAM"), office.slack.signed)
        await office.slack.until_called("views.publish")
        assert "Waits for you" in await opened(office, "U0ANA", count=2)
        assert len(office.around.log.of("slack.home_not_published")) == 1

    @pytest.mark.parametrize("what", ["slack", "store"])
    async def test_says_that_nothing_can_be_shown_now(self, office: Office, what: str) -> None:
        asked(office)
        if what == "slack":
            office.slack.fail("users.info", "internal_error")
            assert "could not be checked what you may see" in await opened(office, "U0ANA")
        else:
            office.desk.broken = Unavailable("Redis is away.")
            assert "cannot read its requests" in await opened(office, "U0ANA")

    async def test_its_review_button_opens_the_request_and_can_approve_it(self, office: Office) -> None:
        request = asked(office)
        await opened(office, "U0ANA")
        home = office.slack.homes["U0ANA"]
        (review,) = [block["accessory"] for block in home["blocks"] if "accessory" in block]
        dialog = await used(office, pressed(office, review["action_id"], review["value"], view={**home, "id": "V1"}))
        assert dialog.submits
        assert await office.slack.submit(office.url, dialog) == 200
        assert "It is approved" in (await office.slack.until_told("U0ANA"))[-1]
        (ballot,) = office.desk.ballots
        assert (ballot.request_id, ballot.revision) == (request.id, 1)

    async def test_a_review_that_was_opened_before_an_edit_counts_for_nothing(self, office: Office) -> None:
        request = asked(office)
        dialog = await used(office, pressed(office, "read_to_answer", request.id))
        office.desk.revise(request.id)
        await office.slack.submit(office.url, dialog)
        assert "has changed" in dialog.words
        assert office.desk.counted == []

    async def test_a_review_of_an_edited_request_is_of_what_it_is_now(self, office: Office) -> None:
        request = asked(office)
        office.desk.revise(request.id)
        dialog = await used(office, pressed(office, "read_to_answer", request.id))
        await office.slack.submit(office.url, dialog)
        assert [vote.revision for vote in office.desk.counted] == [2]

    async def test_who_may_see_it_and_not_answer_gets_nothing_to_submit(self, office: Office) -> None:
        dialog = await used(office, pressed(office, "read_to_answer", asked(office).id, user="U0BOB"))
        assert SEEN in dialog.words
        assert not dialog.submits

    async def test_a_review_denies_too(self, office: Office) -> None:
        request = asked(office)
        dialog = await used(office, pressed(office, "read_to_answer", request.id))
        assert await office.slack.step(office.url, dialog, "deny") == 200
        await office.slack.until_called("views.update", count=2)
        assert "You denied" in dialog.words
        assert office.desk.requests[request.id].status is Status.DENIED

    async def test_somebody_else_who_submits_that_dialog_is_refused(self, office: Office) -> None:
        request = asked(office)
        dialog = await used(office, pressed(office, "read_to_answer", request.id))
        assert await office.slack.submit(office.url, dialog, user="U0EVE") == 200
        assert office.desk.counted == []
