"""What is around the cards: the app's home, ``/sayso`` and the shortcuts; who sees what there, and that Slack takes it.

Everything comes through the signed endpoint; only blocks for any input are made directly.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from fakes.slack import FakeSlack
from fakes.slack_surfaces import (
    answer_faults,
    command,
    deliver,
    home_faults,
    home_opened,
    list_tap,
    message_shortcut,
    shortcut,
)
from fakes.slack_views import Dialog, view_faults
from fakes.slack_workspace import Json, Message, texts
from sayso_adapters.looking import Answered, Found, Waiting, Where
from sayso_adapters.slack import slash as slash_module
from sayso_adapters.slack.adapter import create
from sayso_adapters.slack.blocks import MAX_JSON, size
from sayso_adapters.slack.overview import home, listed, pending_message, reading, routes_message, told_of
from sayso_bot.domain.admin import Admin
from sayso_bot.domain.brief import brief
from sayso_bot.domain.card import card
from sayso_bot.domain.pauses import Pause, Scope
from sayso_bot.domain.person import Person
from sayso_bot.domain.policy import Route
from sayso_bot.domain.request import Cause, Claims, Request, Status, Vote
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.errors import Unavailable
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk
from sayso_bot.testing.samples import AT, a_request, a_requirement
from unit.hostile import claims, nasty, value
from unit.slack.slack_office import PLACE, Office, wait_until

ANA = "slack:T0TEAM/U0ANA"
APPROVERS = (ANA, "slack:T0TEAM/U0GUEST")
SEEN, UNSEEN = "payments.refund", "no request with this id that you may see"


@pytest.fixture
async def desk() -> MemoryDesk:
    """Only Ana, and a guest whom some rules name, may answer."""
    return MemoryDesk(admits=lambda person: bool(person.aliases & set(APPROVERS)))


@pytest.fixture
async def office(slack: FakeSlack, desk: MemoryDesk) -> AsyncIterator[Office]:
    slack.add_user("U0EVE", name="Eve", email="eve@example.com")
    slack.add_user("U0GUEST", name="Gus", guest=True)
    slack.add_user("U0BOT2", name="Robot", bot=True)
    slack.add_user("U0GONE", name="Gone", deleted=True)
    slack.add_user("U0AWAY", name="Away", team_id="T9OTHER", stranger=True)
    around = Surroundings(desk, slack.settings())
    adapter = create(around.context)
    async with around.serving():
        await adapter.start()
        yield Office(slack, desk, around, adapter)
        await adapter.stop()
        assert around.failures == []


NOBODIES = {
    "U0GUEST": "Guests see only",
    "U0BOT2": "Bots do not decide",
    "U0GONE": "deactivated",
    "U0AWAY": "another workspace",
    "U0NOBODY": "does not know your account",
}


async def opened(office: Office, user: str, *, count: int = 1, **other: Any) -> str:
    """What is on the home tab of ``user`` once they opened it."""
    status, _ = await deliver(office.url, home_opened(user, team=office.slack.team, **other), office.slack.signed)
    assert status == 200
    await office.slack.until_called("views.publish", count=count)
    return office.slack.home_words(user)


async def said(office: Office, text: str, *, user: str = "U0ANA", team: str = "T0TEAM") -> Json:
    """The answer to ``/sayso text``."""
    status, answer = await deliver(office.url, command(text, user=user, team=team), office.slack.signed)
    assert status == 200
    assert answer_faults(answer) == []
    found: Json = answer
    return found


def words(answer: Json) -> str:
    return "\n".join(texts(answer["blocks"]))


async def used(office: Office, payload: Json, *, updates: int = 1) -> Dialog:
    """The dialog that a shortcut or a button opens, once it is filled."""
    status, _ = await deliver(office.url, payload, office.slack.signed)
    assert status == 200
    dialog = await office.slack.dialog()
    await office.slack.until_called("views.update", count=updates)
    assert view_faults(dialog.view) == []
    return dialog


def pressed(office: Office, action: str, about: str, *, user: str = "U0ANA", view: Json | None = None) -> Json:
    return list_tap(action, about, user=user, team="T0TEAM", trigger=office.slack.trigger(user), view=view)


def asked(office: Office, action: str = SEEN, **changes: Any) -> Request:
    request = a_request(PLACE, action=action, **changes)
    office.desk.ask(request)
    return request


def buttons(answer: Json) -> list[Json]:
    within = [e for block in answer["blocks"] if block["type"] == "actions" for e in block["elements"]]
    return within + [block["accessory"] for block in answer["blocks"] if "accessory" in block]


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

    async def test_says_of_how_many_slack_could_not_say_whether_they_wait(self, office: Office) -> None:
        office.desk._admits = lambda _: False  # as the desk does where the group cannot be looked up
        for approvers in (("slack:S0GROUP",), ("slack:S0GROUP",), ("email:bob@example.com",)):
            asked(office, requirement={"approvers": approvers})
        office.slack.fail("usergroups.users.list", "internal_error")
        told = await opened(office, "U0ANA")
        assert "Slack could not say whether 2 more wait for you. The inbox lists all that wait." in told
        assert len(office.slack.called("usergroups.users.list")) == 1

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
            assert "Slack could not be asked who you are" in await opened(office, "U0ANA")
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


class TestTheCommand:
    @pytest.mark.parametrize("text", ["", "help", "approve req_1", "pending now please", "\u202e", "x" * 5000])
    async def test_says_what_it_knows_for_any_other_word(self, office: Office, text: str) -> None:
        assert "/sayso pending — what waits for you" in words(await said(office, text))

    async def test_pending_lists_what_waits(self, office: Office) -> None:
        asked(office)
        answer = await said(office, "PENDING")
        assert "payments.refund: order “A-1017”" in words(answer)
        assert answer["text"] == "1 wait for you."

    async def test_pending_fits_into_a_message_and_counts_what_does_not(self, office: Office) -> None:
        for number in range(300):
            asked(office, f"step.n{number:03}", params={"note": "x" * 60, "other": "&" * 60})
        told = words(await said(office, "pending"))
        shown = sum(line.startswith("step.") for line in told.splitlines())
        assert 5 <= shown < 20
        assert f"{20 - shown} more that wait for you do not fit here." in told

    async def test_routes_are_for_members(self, office: Office) -> None:
        office.desk.policy = tuple(Route("r" * 200, f"a{n}." + "&" * 100, False, "deny", None) for n in range(80))
        assert "a0." in words(await said(office, "routes", user="U0EVE"))
        assert "a0." not in words(await said(office, "routes", user="U0GUEST"))

    async def test_routes_say_first_what_admins_have_changed(self, office: Office) -> None:
        olga = Admin("email:olga@example.com", "Olga", "slack", "email:olga@example.com")
        office.desk.policy = (Route("deploys", "deploy.*", False, "ask", a_requirement(PLACE, channel="here")),)
        office.desk.routed = (
            LiveRoute("route_1", "deploy.*", "ops", "slack:T0TEAM/C0OPS", olga, "they sleep", AT, AT),
            LiveRoute("route_2", "secret.*", "away", "slack:T9OTHER/C0AWAY", olga, "", AT),
        )
        office.desk.paused = (Pause("pause_1", Scope(agent="shop"), olga, "it loops", AT),)
        assert words(await said(office, "routes", user="U0EVE")).splitlines() == [
            "The agent shop is paused by Olga since 23 Nov, 14:05 UTC: it loops.",
            "deploy.* is asked in ops until 23 Nov, 14:05 UTC, by Olga: they sleep.",
            "By the policy:",
            "deploy.*: asked in here, 1 approval from whoever is there, within 30m",
        ]

    async def test_help_names_an_admin_s_commands_to_admins_alone(self, office: Office) -> None:
        office.around.office.admits = lambda caller: caller.person is not None and ANA in caller.person.aliases
        assert "/sayso pause [agent NAME | deploy.*]" in words(await said(office, "help"))
        for user in ("U0EVE", "U0GUEST"):
            assert "/sayso pause" not in words(await said(office, "help", user=user))

    @pytest.mark.parametrize("text", ["pending", "routes", "show ID", "help"])
    @pytest.mark.parametrize("user", ["U0BOT2", "U0GONE", "U0AWAY", "U0NOBODY"])
    async def test_gives_a_sentence_to_accounts_that_decide_nothing(self, office: Office, user: str, text: str) -> None:
        request = asked(office)
        told = words(await said(office, text.replace("ID", request.id), user=user))
        assert NOBODIES[user] in told
        assert SEEN not in told

    async def test_somebody_of_another_team_by_the_payload_is_refused(self, office: Office) -> None:
        asked(office)
        assert "another workspace" in words(await said(office, "pending", team="T9OTHER"))

    async def test_too_slow_says_so_within_what_slack_waits(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(slash_module, "ANSWER_SECONDS", 0.1)
        office.slack.hang("users.info", seconds=30)
        assert "longer than Slack waits" in words(await said(office, "pending"))

    async def test_says_that_slack_or_the_store_cannot_be_asked(self, office: Office) -> None:
        office.slack.fail("users.info", "internal_error")
        assert "could not be asked who you are" in words(await said(office, "pending"))
        office.desk.broken = Unavailable("Redis is away.")
        assert "cannot read its requests" in words(await said(office, "pending"))

    async def test_show_gives_the_card_with_a_button_to_answer_and_none_that_decides(self, office: Office) -> None:
        request = asked(office)
        answer = await said(office, f"show {request.id}")
        assert "A-1017" in words(answer)
        assert [b["action_id"] for b in buttons(answer)] == ["read_to_answer", "open_inbox"]
        dialog = await used(office, pressed(office, "read_to_answer", request.id))
        assert dialog.submits

    async def test_show_of_one_that_is_over_can_be_read(self, office: Office) -> None:
        request, shown = await office.posted(a_request(PLACE, params={"sql": "x\n" * 9000}))
        await office.tap(shown, "deny", user="U0ANA")
        answer = await said(office, f"show {request.id}")
        assert "Denied by Ana" in words(answer)
        assert "Open the request to see all of it." in words(answer)
        assert [b["action_id"] for b in buttons(answer)] == ["read", "open_inbox"]

    async def test_show_wants_an_id(self, office: Office) -> None:
        assert "Say which request" in words(await said(office, "show"))
        assert UNSEEN in words(await said(office, "show req_1"))


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
        assert "could not be asked" in words(await said(office, f"show {request.id}", user="U0EVE"))


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


# --------------------------------------------------------------------------- anything at all


@settings(max_examples=25, deadline=None)
@given(
    params=st.dictionaries(nasty, value, max_size=30),
    claimed=claims,
    names=st.lists(nasty, min_size=1, max_size=60),
    page=st.integers(min_value=-5, max_value=50),
)
def test_any_request_and_policy_give_views_and_messages_that_slack_takes(
    params: Any, claimed: Claims, names: list[str], page: int
) -> None:
    url = "https://sayso.example.com/inbox"
    request = a_request(PLACE, params=params, claims=claimed, rule=names[0])
    vote = Vote("p", names[-1], frozenset({ANA}), "approve", names[0] or None, "slack", 1, "e", True, AT)
    request = replace(request, votes=(vote,))
    shown = card(request, f"{url}/{request.id}")
    listed_as = brief(request)
    waiting = Waiting((listed_as,) * 20, 30, more=True)
    by = Admin("a", names[0], "api", "a")
    where = Where(
        tuple(
            Route(name, name, True, "ask", a_requirement(PLACE, channel=name, approvers=(name, names[0])))
            for name in names * 2
        ),
        tuple(LiveRoute("route_1", name, name, PLACE, by, name, AT, AT) for name in names),
        tuple(Pause("pause_1", Scope(action=name), by, name, AT) for name in names),
    )
    _slack_takes(home(waiting, [Answered(listed_as, vote)] * 8, where, url, AT), home_faults)
    _slack_takes(listed(waiting, url), view_faults)
    for may_vote in (True, False):
        found = Found(request, may_vote)
        _slack_takes(reading(shown, found, page), view_faults)
        _slack_takes(_answer(told_of(shown, found)), answer_faults)
    _slack_takes(_answer(pending_message(waiting, url)), answer_faults)
    _slack_takes(_answer(routes_message(where)), answer_faults)


def test_long_rules_stay_within_what_a_message_holds_and_the_rest_is_counted() -> None:
    route = Route("r" * 100, "a" * 128, True, "ask", a_requirement(PLACE, channel="c" * 100, group="g" * 100))
    blocks = routes_message(Where((route,) * 80))
    assert size(blocks) <= MAX_JSON
    assert "The rest is in the policy." in texts(blocks)


def test_no_word_of_others_is_mrkdwn() -> None:
    hostile = "<!channel> *x* <@U1> <https://evil.example|ok>"
    request = a_request(PLACE, params={hostile: hostile}, rule=hostile)
    vote = Vote("p", hostile, frozenset({ANA}), "approve", hostile, "slack", 1, "e", True, AT)
    request = replace(request, votes=(vote,))
    shown, row = card(request, "https://x.example/1"), brief(request)
    by = Admin("a", hostile, "api", "a")
    where = Where(
        (Route(hostile, hostile, False, "deny", None),),
        (LiveRoute("route_1", hostile, hostile, PLACE, by, hostile, AT),),
        (Pause("pause_1", Scope(action=hostile), by, hostile, AT),),
    )
    view = home(Waiting((row,), 0, more=False), [Answered(row, vote)], where, "https://x.example", AT)
    for text in _marked_down([view, reading(shown, Found(request, may_vote=True))]):
        assert "evil" not in text
        assert "<!channel>" not in text


def _marked_down(node: Any) -> list[str]:
    if isinstance(node, list):
        return [text for item in node for text in _marked_down(item)]
    if isinstance(node, dict):
        own = [node["text"]] if node.get("type") == "mrkdwn" else []
        return own + [text for item in node.values() for text in _marked_down(item)]
    return []


def _answer(blocks: list[Json]) -> Json:
    return {"response_type": "ephemeral", "text": "x", "blocks": blocks}


def _slack_takes(shown: Json, faults: Any) -> None:
    assert faults(shown) == []
    for block in Block.parse_all(shown["blocks"]):
        block.to_dict()
