"""The admin's page over HTTP, with no script running: who gets it, what it says, and that each change is seen first."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import httpx
import pytest

from sayso_bot.domain.deeds import (
    ForgetChannel,
    KeyMade,
    MakeKey,
    Move,
    NameChannel,
    PauseScope,
    Resume,
    RevokeKey,
    RotateKey,
    SetRoute,
    TestChannel,
    UndoRoute,
)
from sayso_bot.domain.pauses import Scope
from sayso_bot.errors import ChangedMeanwhile, PlaceUnusable
from unit.inbox.admin_stands import KEY, OLGA, PAUSE, ROUTE, is_olga, stands
from unit.inbox.inbox_service import Service
from unit.inbox.test_inbox_pages import words as words_of
from unit.inbox.visitor import Visitor, hidden_fields, visiting

PREVIEW, DO = "/inbox/admin/preview", "/inbox/admin/do"
A_ROUTE = {"deed": "route", "action": "payments.*", "to": "ops", "lasting": "4h"}


@pytest.fixture
async def olga(service: Service) -> AsyncIterator[Visitor]:
    service.around.office.admits = is_olga
    service.around.office.stands = stands()
    async with visiting(service) as visitor:
        assert (await visitor.sign_in(OLGA, "Olga")).status_code == 200
        yield visitor


def words(page: str) -> str:
    return unescape(words_of(page))


async def csrf(visitor: Visitor) -> str:
    return hidden_fields((await visitor.get("/inbox")).text, "/sign-out")["csrf"]


async def previewed(visitor: Visitor, **fields: str) -> httpx.Response:
    return await visitor.post(PREVIEW, {"csrf": await csrf(visitor), **fields})


async def second_form(visitor: Visitor, **fields: str) -> dict[str, str]:
    shown = await previewed(visitor, **fields)
    assert shown.status_code == 200, words(shown.text)
    return hidden_fields(shown.text, "/do")


# --------------------------------------------------------------------------- who


async def test_whoever_is_no_admin_gets_neither_the_page_nor_a_change(service: Service, ana: Visitor) -> None:
    service.around.office.admits = is_olga
    assert 'href="/inbox/admin"' not in (await ana.get("/inbox")).text
    token = {"csrf": await csrf(ana)}
    for answer in (
        await ana.get("/inbox/admin"),
        await ana.post(PREVIEW, token | A_ROUTE),
        await ana.post(DO, token | A_ROUTE | {"nonce": "n" * 16, "version": "7"}),
    ):
        assert answer.status_code == 403
        assert "That is for admins. Nothing was changed." in words(answer.text)
        assert "slack:C0OPS" not in answer.text
    assert service.around.office.done == []
    assert (await ana.get("/inbox/fragments/admin")).status_code == 403


async def test_nobody_gets_it_without_a_session(stranger: Visitor) -> None:
    assert (await stranger.get("/inbox/admin")).status_code == 401
    assert (await stranger.get("/inbox/fragments/admin")).status_code == 401
    assert (await stranger.post(DO, A_ROUTE)).status_code in (401, 403)


async def test_an_admin_who_is_removed_while_the_page_is_open_is_refused_at_once(
    service: Service, olga: Visitor
) -> None:
    fields = await second_form(olga, **A_ROUTE)
    service.around.office.admits = lambda _: False
    refused = await olga.post(DO, fields)
    assert (refused.status_code, service.around.office.done) == (403, [])
    page = await olga.get("/inbox/admin")
    assert page.status_code == 403
    assert 'href="/inbox/admin"' not in page.text


@pytest.mark.parametrize("path", [PREVIEW, DO])
async def test_another_site_cannot_have_an_admin_send_it(service: Service, olga: Visitor, path: str) -> None:
    fields = await second_form(olga, **A_ROUTE)
    strange = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    for sent, headers in ((fields, strange), (fields | {"csrf": "x" * 43}, None)):
        assert (await olga.post(path, sent, headers)).status_code == 403
    assert service.around.office.done == []


# --------------------------------------------------------------------------- what it says


async def test_it_says_where_who_how_many_and_how_long_and_what_has_been_changed(
    service: Service, olga: Visitor
) -> None:
    for _ in range(3):
        service.ask("payments.refund")
    service.ask("deploy.prod")
    page = (await olga.get("/inbox/admin")).text
    said = words(page)
    assert "Asked in payments, 2 approvals from finance, within 30m." in said
    assert "Asked in inbox, 1 approval from whoever signed in to the inbox, within 30m; else in ops." in said
    assert "payments.* now in ops; that ends" in said
    assert "payments.refund High risk when params.amount > 500" in said
    for demand in ("a reason always", "the action’s name typed to approve", "may be edited: amount, note"):
        assert demand in said
    assert "Allowed without asking" in said
    assert "Set by Olga" in said
    assert "payments &lt;sleeps&gt;" in page
    assert "ops (slack:C0OPS) cannot be reached (is_archived) since" in said
    assert "ops cannot be reached (is_archived)." in said
    assert "The agent refunder" in said
    assert "it loops" in said
    assert "4 of the newest requests" in said
    assert "payments.refund × 3, deploy.prod × 1" in said
    assert "acts for ana@x.org" in said
    assert re.search(r'data-version="[0-9a-f]{16}"', page)


async def test_nothing_to_say_is_said(service: Service, olga: Visitor) -> None:
    service.around.office.stands = type(service.around.office)().stands
    said = words((await olga.get("/inbox/admin")).text)
    for sentence in (
        "There are none: the policy alone says what is asked where.",
        "Nothing is paused.",
        "No agent has asked for anything yet.",
        "There are no keys yet.",
    ):
        assert sentence in said


async def test_an_address_fills_in_a_form_and_does_nothing(service: Service, olga: Visitor) -> None:
    page = await olga.get("/inbox/admin?action=payments.refund")
    assert 'value="payments.refund"' in page.text
    assert 'id="set-route" open' in page.text
    strange = await olga.get('/inbox/admin?action="><script>&move=x%20y')
    assert "script>&" not in strange.text
    assert "open>" not in strange.text
    assert service.around.office.seen == []


# --------------------------------------------------------------------------- changes


DEEDS: list[tuple[dict[str, str], Any]] = [
    (A_ROUTE, SetRoute("payments.*", "ops", "a why", 4 * 3600)),
    (A_ROUTE | {"to": "other", "to_place": " slack:C1 ", "lasting": ""}, SetRoute("payments.*", "slack:C1", "a why")),
    ({"deed": "undo", "route": ROUTE.id}, UndoRoute(ROUTE.id, "a why")),
    ({"deed": "name", "name": "night", "place": "slack:C1"}, NameChannel("night", "slack:C1", "a why")),
    ({"deed": "forget", "name": "night"}, ForgetChannel("night", "a why")),
    ({"deed": "test", "channel": "ops"}, TestChannel("ops")),
    ({"deed": "pause", "kind": "everything", "what": "left over"}, PauseScope(Scope(), "a why")),
    ({"deed": "pause", "kind": "agent", "what": "refunder"}, PauseScope(Scope(agent="refunder"), "a why")),
    ({"deed": "pause", "kind": "action", "what": "a.*"}, PauseScope(Scope(action="a.*"), "a why")),
    ({"deed": "resume", "pause": PAUSE.id, "scope": "agent:refunder"}, Resume(PAUSE.id, PAUSE.scope)),
    ({"deed": "move", "what": "a.*", "to": "ops"}, Move("ops", action="a.*", why="a why")),
    ({"deed": "rotate", "key": KEY.id, "overlap": "1h"}, RotateKey(KEY.id, 3600)),
    ({"deed": "rotate", "key": KEY.id, "overlap": "0s"}, RotateKey(KEY.id, 0)),
    ({"deed": "revoke", "key": KEY.id}, RevokeKey(KEY.id)),
]


@pytest.mark.parametrize(("fields", "deed"), DEEDS)
async def test_every_change_is_seen_first_and_then_done_once(
    service: Service, olga: Visitor, fields: dict[str, str], deed: Any
) -> None:
    office = service.around.office
    shown = await previewed(olga, **fields)
    assert f"{type(deed).__name__} would be done." in words(shown.text)
    assert (len(office.seen), office.done) == (1, [])
    again = hidden_fields(shown.text, "/do") | ({"why": " a  why "} if 'name="why"' in shown.text else {})
    for _ in range(2):
        answer = await olga.post(DO, again)
        assert answer.status_code == 200
        assert f"{type(deed).__name__} was done." in words(answer.text)
    [(done, caller, call)] = office.done
    assert done == deed
    assert caller.person is not None
    assert (caller.surface, caller.person.id, call.version) == ("inbox", OLGA, 7)


async def test_a_request_is_moved_by_its_id(service: Service, olga: Visitor) -> None:
    request = service.ask()
    await olga.post(DO, await second_form(olga, deed="move", what=request.id, to="ops"))
    [(done, _, _)] = service.around.office.done
    assert done == Move("ops", request=request.id)


async def test_a_route_until_a_time_is_read_as_utc(service: Service, olga: Visitor) -> None:
    fields = A_ROUTE | {"lasting": "other", "until": "2099-11-25T18:00"}
    await olga.post(DO, await second_form(olga, **fields))
    [(done, _, _)] = service.around.office.done
    assert isinstance(done, SetRoute)
    assert str(done.until) == "2099-11-25 18:00:00+00:00"


async def test_what_is_asked_again_must_be_ticked(service: Service, olga: Visitor) -> None:
    service.around.office.questions = ("This concerns everything. Is that meant?",)
    shown = await previewed(olga, **A_ROUTE)
    assert "This concerns everything. Is that meant?" in words(shown.text)
    fields = hidden_fields(shown.text, "/do") | {"why": "because"}
    refused = await olga.post(DO, fields)
    assert refused.status_code == 409
    assert service.around.office.done == []
    fields = hidden_fields(refused.text, "/do")
    assert 'value="because"' in refused.text
    assert (await olga.post(DO, fields | {"confirmed": "yes"})).status_code == 200
    assert len(service.around.office.done) == 1


async def test_who_was_overtaken_by_another_admin_sees_it_anew_and_keeps_what_they_wrote(
    service: Service, olga: Visitor
) -> None:
    office = service.around.office
    fields = await second_form(olga, **A_ROUTE) | {"why": "because"}
    office.trouble.append(ChangedMeanwhile("Another admin has changed a route. Nothing was changed."))
    late = await olga.post(DO, fields)
    assert late.status_code == 412
    assert "Another admin has changed a route." in words(late.text)
    assert 'value="because"' in late.text
    assert hidden_fields(late.text, "/do")["action"] == "payments.*"
    assert office.done == []


async def test_what_the_office_refuses_is_said_on_the_form_which_can_be_sent_again(
    service: Service, olga: Visitor
) -> None:
    office = service.around.office
    fields = await second_form(olga, **A_ROUTE) | {"why": "because"}
    office.trouble.append(PlaceUnusable("Sayso is not in that channel. Invite it. Nothing was changed."))
    refused = await olga.post(DO, fields)
    assert (refused.status_code, office.done) == (422, [])
    assert "Invite it." in words(refused.text)
    assert 'value="because"' in refused.text
    assert (await olga.post(DO, hidden_fields(refused.text, "/do"))).status_code == 200
    assert len(office.done) == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (A_ROUTE | {"to": "other", "to_place": " "}, "Choose a channel, or write its place."),
        (A_ROUTE | {"lasting": "other", "until": ""}, "Write until when, in UTC."),
        (A_ROUTE | {"lasting": "for ever"}, "The form was not complete."),
        ({"deed": "pause", "kind": "agent", "what": ""}, "Write the agent's name."),
        ({"deed": "pause", "kind": "action", "what": "a b"}, "Write an action pattern such as deploy.*"),
        ({"deed": "resume", "pause": PAUSE.id, "scope": "?"}, "The form was not complete."),
        ({"deed": "sing"}, "The form was not complete."),
        ({}, "The form was not complete."),
    ],
)
async def test_a_form_that_says_too_little_is_refused_before_anything_is_asked_of_the_office(
    service: Service, olga: Visitor, fields: dict[str, str], said: str
) -> None:
    shown = await previewed(olga, **fields)
    assert shown.status_code == 422
    assert said in words(shown.text)
    assert "Do it" not in words(shown.text)
    assert service.around.office.seen == []


@pytest.mark.parametrize("lacks", [{"nonce": ""}, {"nonce": "<b>"}, {"version": ""}, {"version": "-1"}])
async def test_the_second_form_must_be_one_that_was_shown(
    service: Service, olga: Visitor, lacks: dict[str, str]
) -> None:
    fields = await second_form(olga, **A_ROUTE)
    assert (await olga.post(DO, fields | lacks)).status_code == 422
    assert service.around.office.done == []


async def test_a_new_key_s_secret_is_shown_and_must_be_asked_for_with_a_kind(service: Service, olga: Visitor) -> None:
    service.around.office.thing = KeyMade(KEY, "sk_main_only_now")
    fields = await second_form(
        olga, deed="make-key", name="shop", kinds="agent", actions="a.*, b", principal="Ana@X.org"
    )
    answer = await olga.post(DO, fields)
    assert "sk_main_only_now" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    [(done, _, _)] = service.around.office.done
    assert done == MakeKey("shop", frozenset({"agent"}), ("a.*", "b"), principal="ana@x.org")
    service.around.office.thing = KeyMade(KEY, None)
    assert "Secret" not in words((await olga.post(DO, fields)).text)


# --------------------------------------------------------------------------- what all see of it


async def test_what_is_paused_says_so_and_is_denied_and_not_approved(service: Service, ana: Visitor) -> None:
    request = service.ask()
    service.desk.paused = (PAUSE, *stands(2).pauses[1:])
    page = await ana.get(f"/inbox/requests/{request.id}")
    since = "Paused by Olga since 23 Nov, 14:05 UTC: it loops."
    assert f"{since} Nothing can be approved now, only denied." in words(page.text)
    assert re.search(r'value="approve" disabled', page.text)
    assert "Paused by Olga" in words((await ana.get("/inbox")).text)
    refused = await ana.answer(request.id, "approve")
    assert refused.status_code == 423
    assert (await ana.answer(request.id, "deny")).status_code == 303
    [vote] = service.desk.counted
    assert vote.outcome == "deny"
    assert "Paused by" not in words((await ana.get("/inbox/history")).text)
