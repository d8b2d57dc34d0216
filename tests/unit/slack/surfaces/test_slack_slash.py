"""``/sayso``: what it lists and shows, and to whom."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sayso_adapters.slack import slash as slash_module
from sayso_bot.domain.admin import Admin
from sayso_bot.domain.pauses import Pause, Scope
from sayso_bot.domain.policy import Route
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.errors import Unavailable
from sayso_bot.testing.samples import AT, a_request, a_requirement
from unit.slack.slack_office import PLACE, Office
from unit.slack.surfaces.doings import ANA, NOBODIES, SEEN, UNSEEN, asked, buttons, pressed, said, used, words


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
            LiveRoute(
                "route_1", "deploy.*", "ops", "slack:T0TEAM/C0OPS", olga, "they sleep", AT - timedelta(days=1), AT
            ),
            LiveRoute("route_2", "secret.*", "away", "slack:T9OTHER/C0AWAY", olga, "", AT),
        )
        office.desk.paused = (Pause("pause_1", Scope(agent="shop"), olga, "it loops", AT),)
        assert words(await said(office, "routes", user="U0EVE")).splitlines() == [
            "The agent shop is paused by Olga since 23 Nov, 14:05 UTC: it loops.",
            "deploy.* is asked in ops until 23 Nov, 14:05 UTC, by Olga since 22 Nov, 14:05 UTC: they sleep.",
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
        assert "could not be checked what you may see" in words(await said(office, "pending"))
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
