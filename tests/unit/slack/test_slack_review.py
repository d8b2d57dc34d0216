"""What does not fit on a card is read in a dialog, whole, and approved only at its end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from fakes.slack_views import Dialog, view_faults
from fakes.slack_workspace import texts
from sayso_adapters.slack.cards import message
from sayso_adapters.slack.modals import approval, denial, editing
from sayso_adapters.slack.review import pages
from sayso_bot.domain.card import Card, card
from sayso_bot.domain.editing import editable_texts
from sayso_bot.domain.form import Field, Form
from sayso_bot.domain.request import Claims
from sayso_bot.testing.samples import a_request
from service import until
from unit.hostile import claims, fields, nasty, value
from unit.slack.slack_office import PLACE, Office

TOKEN = "btn_opaque"
LONG = {"sql": "".join(f"line {n}\n" for n in range(4000)) + "DROP TABLE users", "table": "users"}


async def reviewed(office: Office, user: str = "U0ANA", **requirement: Any) -> Dialog:
    _, shown = await office.posted(a_request(PLACE, params=LONG, requirement=requirement))
    assert "approve" not in shown.buttons
    assert await office.slack.tap(office.url, shown, "review", user=user) == 200
    return await office.slack.dialog()


async def stepped(office: Office, dialog: Dialog, step: str) -> None:
    """Tap a button in the dialog, and return when it shows what comes next."""
    version = dialog.version
    assert await office.slack.step(office.url, dialog, step) == 200
    await until(lambda: dialog.version > version)


async def to_the_end(office: Office, dialog: Dialog) -> list[str]:
    """Every text on the way from the present page to the last."""
    seen = texts(dialog.view["blocks"])
    while "review_next" in dialog.buttons:
        assert not dialog.submits
        await stepped(office, dialog, "review_next")
        seen += texts(dialog.view["blocks"])
    return seen


class TestAReview:
    async def test_shows_everything_and_offers_approve_only_at_its_end(self, office: Office) -> None:
        dialog = await reviewed(office)
        assert "review_back" not in dialog.buttons
        seen = await to_the_end(office, dialog)
        assert LONG["sql"] in "".join(text for text in seen if "\n" in text)
        assert dialog.submits
        assert dialog.buttons == ["review_back", "deny"]
        assert await office.slack.submit(office.url, dialog) == 200
        assert "It is approved" in (await office.slack.until_told("U0ANA"))[-1]

    async def test_goes_back_and_offers_it_no_more(self, office: Office) -> None:
        dialog = await reviewed(office)
        await to_the_end(office, dialog)
        await stepped(office, dialog, "review_back")
        assert not dialog.submits

    async def test_denies_at_its_end(self, office: Office) -> None:
        dialog = await reviewed(office)
        await to_the_end(office, dialog)
        await stepped(office, dialog, "deny")
        assert "You denied" in dialog.words
        assert [vote.outcome for vote in office.desk.counted] == ["deny"]

    async def test_asks_why_it_is_denied_where_the_rule_wants_that(self, office: Office) -> None:
        dialog = await reviewed(office, reason="deny")
        await to_the_end(office, dialog)
        await stepped(office, dialog, "deny")
        assert office.desk.counted == []
        assert await office.slack.submit(office.url, dialog, {"reason": "It drops users."}) == 200
        assert "You denied" in (await office.slack.until_told("U0ANA"))[-1]

    @pytest.mark.parametrize("action", ["review", "deny", "edit"])
    @pytest.mark.parametrize("user", ["U0GUEST", "U0BOT2", "U0GONE", "U0AWAY"])
    async def test_shows_nothing_to_an_account_that_decides_nothing(
        self, office: Office, user: str, action: str
    ) -> None:
        office.slack.add_user("U0GUEST", name="Gus", guest=True)
        office.slack.add_user("U0BOT2", name="Robot", bot=True)
        office.slack.add_user("U0GONE", name="Gone", deleted=True)
        office.slack.add_user("U0AWAY", name="Away", team_id="T9OTHER")
        request = a_request(PLACE, params=LONG, requirement={"reason": "deny", "editable": ("table",)})
        _, shown = await office.posted(request)
        assert await office.slack.tap(office.url, shown, action, user=user) == 200
        dialog = await office.slack.dialog()
        assert "Nothing was changed." in dialog.words
        assert len(dialog.view["blocks"]) == 1
        assert not dialog.submits
        assert "Nothing was changed." in await office.tap(shown, action, user=user)
        assert len(office.slack.dialogs) == 1, "who is known is told without a dialog"

    async def test_a_page_that_slack_does_not_show_is_said(self, office: Office) -> None:
        dialog = await reviewed(office)
        office.slack.fail("views.update", "internal_error")
        assert await office.slack.step(office.url, dialog, "review_next") == 200
        assert "did not show what comes next" in (await office.slack.until_told("U0ANA"))[-1]

    async def test_a_guest_whom_the_rule_names_reads_all_of_it(self, office: Office) -> None:
        office.slack.add_user("U0GUEST", name="Gus", guest=True)
        dialog = await reviewed(office, user="U0GUEST", approvers=("slack:U0GUEST",))
        await to_the_end(office, dialog)
        assert dialog.submits

    @pytest.mark.parametrize("step", ["review_next", "deny"])
    async def test_a_dialog_that_somebody_else_holds_shows_them_no_more(self, office: Office, step: str) -> None:
        dialog = await reviewed(office)
        if step == "deny":
            await to_the_end(office, dialog)
        office.slack.add_user("U0GUEST", name="Gus", guest=True)
        dialog.user = "U0GUEST"
        await stepped(office, dialog, step)
        assert "Guests decide only" in dialog.words
        assert office.desk.ballots == []

    async def test_of_a_request_that_has_changed_says_so(self, office: Office) -> None:
        dialog = await reviewed(office)
        office.desk.revise(next(iter(office.desk.requests)))
        assert await office.slack.step(office.url, dialog, "review_next") == 200
        await office.slack.until_called("views.update")
        assert "has changed" in dialog.words
        assert not dialog.submits

    async def test_a_tap_on_an_approve_button_that_the_card_does_not_have_opens_it(self, office: Office) -> None:
        _, shown = await office.posted(a_request(PLACE, params=LONG))
        value = (shown.button("review") or {})["value"]
        assert await office.slack.tap(office.url, shown, "approve", user="U0ANA", value=value) == 200
        assert not (await office.slack.dialog()).submits
        assert office.desk.ballots == []


# --------------------------------------------------------------------------- anything at all


@settings(max_examples=30, deadline=None)
@given(
    params=st.dictionaries(nasty, value, max_size=30),
    claimed=claims,
    form=st.none() | st.lists(fields, min_size=1, max_size=20, unique_by=lambda one: one.name).map(tuple),
    confirm=st.booleans(),
)
def test_any_request_gives_dialogs_that_slack_takes_and_that_hide_nothing(
    params: Any, claimed: Claims, form: tuple[Field, ...] | None, confirm: bool
) -> None:
    requirement = {"reason": "always", "confirm": confirm, "editable": tuple(params)}
    asked = a_request(PLACE, params=params, claims=claimed, requirement=requirement, form=Form(form) if form else None)
    shown = card(asked, "https://sayso.example.com/inbox/req")
    views = [approval(shown, TOKEN, page) for page in range(len(pages(shown)))]
    _everything_is_there(shown, views)
    for view in [*views, denial(shown, TOKEN), editing(shown, editable_texts(params, tuple(params)), TOKEN)]:
        _slack_takes(view)
    assert [("submit" in view) for view in views[:-1]] == [False] * (len(views) - 1)


def test_the_largest_requests_are_whole_and_within_slacks_limits() -> None:
    for params in (
        {"a": "𝕏" * 50_000},
        {"a": "&" * 50_000},
        {f"key{n}": n for n in range(5_000)},
        {"k" * 50_000: "v"},
        {"a": "\n" * 30_000},
        {"zwj": "a\u200d" * 5_000, "bidi": "\u202e" * 5_000},
    ):
        form = Form(
            tuple(
                Field(f"f{n}", "choose", "&" * 150, options=tuple(f"{m}" + "é" * 72 for m in range(100)))
                for n in range(20)
            )
        )
        for asked_form in (None, form):
            shown = card(
                a_request(PLACE, params=params, form=asked_form, requirement={"reason": "always"}),
                "https://x.example/1",
            )
            assert not message(shown, TOKEN).complete
            views = [approval(shown, TOKEN, page) for page in range(len(pages(shown)))]
            _everything_is_there(shown, views)
            for view in views:
                _slack_takes(view)
            assert ("submit" in views[-1]) == (asked_form is None)


def _slack_takes(view: dict[str, Any]) -> None:
    assert view_faults(view) == []
    View(**view).to_dict()
    for block in Block.parse_all(view["blocks"]):
        block.to_dict()


def _everything_is_there(shown: Card, views: list[dict[str, Any]]) -> None:
    """Parts of a text follow one another, with only their labels between."""
    said = [text for view in views for text in texts(view["blocks"])]
    whole = "\0".join(said)
    parts = "".join(text for text in said if "(part " not in text)
    for text in [*(fact.value for fact in shown.facts), *(claim.text for claim in shown.claims)]:
        assert text in whole or text in parts or text in _joined(views)


def _joined(views: list[dict[str, Any]]) -> str:
    """The boxed and quoted texts of all pages, one after the other."""
    kinds = ("rich_text_preformatted", "rich_text_quote")
    found = [
        part["elements"][0]["text"]
        for view in views
        for block in view["blocks"]
        if block["type"] == "rich_text"
        for part in block["elements"]
        if part["type"] in kinds
    ]
    return "".join(found)
