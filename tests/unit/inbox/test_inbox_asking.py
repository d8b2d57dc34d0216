"""What a rule or an agent wants of an approver beside the tap: a name typed, a form filled in, params edited."""

from __future__ import annotations

import asyncio
import re
from html import unescape

import pytest

from sayso_bot.domain.form import Field, Form
from sayso_bot.domain.person import Person
from sayso_bot.ports import Ballot
from unit.inbox.inbox_service import Service
from unit.inbox.visitor import SAME_SITE, Visitor, hidden_fields

FORM = Form(
    (
        Field("window", "choose", "Which <b>window</b>?", options=("Today", "To\u202emorrow")),
        Field("regions", "choose", "Regions", required=False, options=("eu", "us", "ap"), multiple=True),
        Field("note", "text", "Note", required=False),
        Field("share", "number", "Share", least=0.5, most=100),
        Field("day", "date", "Day"),
        Field("hour", "time", "Hour"),
        Field("at", "datetime", "Start"),
    )
)
FILLED = {
    "form_0": "1",
    "form_2": "two\r\nlines",
    "form_3": "12.5",
    "form_4": "2026-12-01",
    "form_5": "09:30",
    "form_6": "2026-12-01T09:30",
}
BEN = Person.known_as("Ben", {"email:ben@example.com"})


def words(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


async def edit_form(ana: Visitor, request_id: str, **fields: str) -> dict[str, str]:
    return hidden_fields((await ana.get(f"/inbox/requests/{request_id}")).text, "/edit") | fields


# --------------------------------------------------------------------------- typed confirmation


async def test_an_approval_that_must_be_typed_counts_only_with_the_exact_name(service: Service, ana: Visitor) -> None:
    request = service.ask(confirm=True)
    path = f"/inbox/requests/{request.id}/vote"
    for typed in ("", "payments", "Payments.refund", "payments.refund."):
        fields = await ana.answer_form(request.id, outcome="approve", reason="Looked at it", typed=typed)
        refused = await ana.post(path, fields)
        assert refused.status_code == 422
        assert "type payments.refund exactly" in refused.text
        assert f'name="typed" value="{typed}"' in refused.text
        assert "Looked at it</textarea>" in refused.text
    assert service.desk.counted == []
    fields = await ana.answer_form(request.id, outcome="approve", reason="", typed="payments.refund")
    assert (await ana.post(path, fields)).status_code == 303
    assert [vote.outcome for vote in service.desk.counted] == ["approve"]


async def test_the_page_never_types_for_anybody(service: Service, ana: Visitor) -> None:
    page = (await ana.get(f"/inbox/requests/{service.ask(confirm=True).id}")).text
    field = re.search(r'<input type="text"[^>]*>', page)
    assert field
    assert 'value=""' in field[0]
    assert 'autocomplete="off"' in field[0]


async def test_a_denial_needs_nothing_typed_and_nothing_filled_in(service: Service, ana: Visitor) -> None:
    request = service.ask(confirm=True, form=FORM)
    assert (await ana.answer(request.id, "deny")).status_code == 303
    assert service.desk.counted[0].response is None


async def test_what_was_typed_is_not_kept_for_a_revision_that_was_not_seen(service: Service, ana: Visitor) -> None:
    request = service.ask(confirm=True)
    fields = await ana.answer_form(request.id, outcome="approve", reason="Fine", typed="payments.refund")
    service.desk.revise(request.id, {"amount": 9999})
    refused = await ana.post(f"/inbox/requests/{request.id}/vote", fields)
    assert refused.status_code == 409
    assert 'name="typed" value=""' in refused.text
    assert "Fine</textarea>" in refused.text


async def test_enter_in_a_line_of_text_presses_a_button_that_does_nothing(service: Service, ana: Visitor) -> None:
    page = (await ana.get(f"/inbox/requests/{service.ask(confirm=True).id}")).text
    form = page[page.index('id="answer"') :]
    first = re.search(r"<button[^>]*>", form)
    assert first
    assert first[0] == '<button type="submit" disabled hidden>'


# --------------------------------------------------------------------------- the agent's form


async def test_a_form_is_shown_as_the_agents_and_its_answers_reach_the_desk(service: Service, ana: Visitor) -> None:
    request = service.ask(form=FORM, quorum=2)
    page = (await ana.get(f"/inbox/requests/{request.id}")).text
    assert "The agent asks" in page
    assert "Never enter a password" in page
    assert "Which &lt;b&gt;window&lt;/b&gt;?" in page
    assert "To⟨U+202E⟩morrow" in page
    assert "\u202e" not in page
    assert 'min="0.5" max="100"' in page
    fields = await ana.answer_form(request.id, outcome="approve", reason="")
    body = {**fields, **FILLED, "form_1": ["0", "2"]}
    headers = {"Origin": service.url, **SAME_SITE}
    sent = await ana.client.post(f"/inbox/requests/{request.id}/vote", data=body, headers=headers)
    assert sent.status_code == 303
    assert service.desk.counted[0].response == {
        "window": "To\u202emorrow",
        "regions": ["eu", "ap"],
        "note": "two\nlines",
        "share": 12.5,
        "day": "2026-12-01",
        "hour": "09:30",
        "at": "2026-12-01T09:30:00Z",
    }
    after = words((await ana.get(f"/inbox/requests/{request.id}")).text)
    assert "? To⟨U+202E⟩morrow" in after
    assert "Regions eu, ap" in after
    assert "2026-12-01T09:30:00Z" in after


async def test_what_is_wrong_stands_beside_its_field_and_everything_is_kept(service: Service, ana: Visitor) -> None:
    request = service.ask(form=FORM)
    wrong = {**FILLED, "form_1": "1", "form_3": "101", "form_4": "", "form_5": "25:00", "form_0": "1"}
    fields = await ana.answer_form(request.id, outcome="approve", reason="Kept", **wrong)
    refused = await ana.post(f"/inbox/requests/{request.id}/vote", fields)
    assert refused.status_code == 422
    for name, sentence in (
        ("form_3", "This must be at most 100."),
        ("form_4", "This is needed."),
        ("form_5", "This must be a time of day, such as 09:30."),
        ("form_0", ""),
    ):
        assert f'<p class="error" id="{name}-error">{sentence}</p>' in refused.text
    assert 'value="101"' in refused.text
    assert '<option value="1" selected>' in refused.text
    assert re.search(r'name="form_1" value="1" checked', refused.text)
    assert "two\r\nlines</textarea>" in refused.text
    assert "Kept</textarea>" in refused.text
    assert service.desk.counted == []


@pytest.mark.parametrize("number", ["2", "-1", "999999999", "Today", "\u0661", "1.0", "<script>"])
async def test_an_option_that_is_none_is_refused(service: Service, ana: Visitor, number: str) -> None:
    request = service.ask(form=FORM)
    fields = await ana.answer_form(request.id, outcome="approve", reason="", **{**FILLED, "form_0": number})
    refused = await ana.post(f"/inbox/requests/{request.id}/vote", fields)
    assert refused.status_code == 422
    assert '<p class="error" id="form_0-error">Choose from the options.</p>' in refused.text
    assert service.desk.counted == []


async def test_the_largest_form_that_may_be_asked_can_be_sent(service: Service, ana: Visitor) -> None:
    options = tuple(f"option {number}" for number in range(100))
    fields = tuple(
        Field(f"f{number}", "text", "T") if number % 2 else Field(f"f{number}", "choose", "C", True, options, True)
        for number in range(20)
    )
    request = service.ask(form=Form(fields))
    body: dict[str, str | list[str]] = dict(await ana.answer_form(request.id, outcome="approve", reason="é" * 2000))
    for number in range(20):
        body[f"form_{number}"] = "\U0001f600" * 3000 if number % 2 else [str(option) for option in range(100)]
    headers = {"Origin": service.url, **SAME_SITE}
    sent = await ana.client.post(f"/inbox/requests/{request.id}/vote", data=body, headers=headers)
    assert sent.status_code == 303
    assert len(service.desk.counted) == 1


async def test_a_form_is_only_asked_where_approve_is_offered(service: Service, ana: Visitor) -> None:
    request = service.ask(params={"sql": "select 1; " * 1000}, form=FORM, confirm=True)
    folded = (await ana.get(f"/inbox/requests/{request.id}")).text
    assert "The agent asks" not in folded
    assert 'name="typed"' not in folded
    whole = (await ana.get(f"/inbox/requests/{request.id}?view=whole")).text
    assert "The agent asks" in whole
    assert 'name="typed"' in whole


# --------------------------------------------------------------------------- editing


async def test_an_edit_makes_a_new_revision_shows_both_versions_and_voids_earlier_answers(
    service: Service, ana: Visitor
) -> None:
    request = service.ask(quorum=2, editable=("amount", "order"))
    await service.desk.vote(Ballot(request.id, 1, BEN, "approve", "inbox", "inbox:ben"))
    fields = await edit_form(ana, request.id, edit_0="900", edit_1="A-1187")
    sent = await ana.post(f"/inbox/requests/{request.id}/edit", fields)
    assert sent.status_code == 303
    assert sent.headers["location"] == f"/inbox/requests/{request.id}#edited"
    after = service.desk.requests[request.id]
    assert (after.revision, after.params["amount"], after.params["order"]) == (2, 900, "A-1187")
    page = words((await ana.get(f"/inbox/requests/{request.id}")).text)
    assert "This is revision 2" in page
    assert "Answers that were given before the edit count no longer." in page
    assert re.search(r"The agent asked Now amount 1250 900", page)
    assert "0 of 2 approvals" in page


async def test_an_edit_sent_twenty_times_at_once_is_one_edit(service: Service, ana: Visitor) -> None:
    request = service.ask(editable=("amount",))
    fields = await edit_form(ana, request.id, edit_0="900")
    path = f"/inbox/requests/{request.id}/edit"
    answers = await asyncio.gather(*(ana.post(path, fields) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {303}
    assert service.desk.requests[request.id].revision == 2


async def test_each_value_that_cannot_be_read_says_so_in_place_and_all_is_kept(service: Service, ana: Visitor) -> None:
    params = {"amount": 1250, "order": "A-1187", "dry": True, "to": "ana"}
    request = service.ask(params=params, editable=("amount", "order", "dry"))
    fields = await edit_form(ana, request.id, edit_0="much", edit_1="B\u202e2", edit_2="1", edit_3="eve")
    refused = await ana.post(f"/inbox/requests/{request.id}/edit", fields)
    assert refused.status_code == 422
    assert "Your edit did not count." in refused.text
    page = refused.text
    assert '<p class="error" id="edit_0-error">This must be a number, written as JSON.</p>' in page
    assert '<p class="error" id="edit_1-error">This holds characters that cannot be seen' in page
    assert '<p class="error" id="edit_2-error">This must stay true or false.</p>' in page
    assert "much</textarea>" in page
    assert service.desk.requests[request.id].revision == 1


async def test_only_what_the_rule_names_can_be_edited(service: Service, ana: Visitor) -> None:
    request = service.ask(editable=("amount",))
    fields = await edit_form(ana, request.id, edit_0="900", edit_1="evil", order="evil", currency="USD")
    assert (await ana.post(f"/inbox/requests/{request.id}/edit", fields)).status_code == 303
    assert service.desk.requests[request.id].params == {"amount": 900, "order": "A-1187", "currency": "EUR"}
    assert "/edit" not in (await ana.get(f"/inbox/requests/{service.ask().id}")).text


async def test_a_value_that_was_left_alone_stays_as_it_was_whatever_it_holds(service: Service, ana: Visitor) -> None:
    odd = "\none\r\ntwo\r\u202e\u200b⟨U+202E⟩ é"
    params = {"amount": 1, "text": odd, "list": [odd, 1e21, {"a": None}]}
    request = service.ask(params=params, editable=("amount", "text", "list"))
    page = (await ana.get(f"/inbox/requests/{request.id}")).text
    fields = hidden_fields(page, "/edit") | {"edit_0": "2"}
    for name, text in re.findall(
        r'<textarea class="value" id="\w+" name="(edit_[12])"[^>]*>\n(.*?)</textarea>', page, re.S
    ):
        fields[name] = unescape(text).replace("\n", "\r\n")
    assert set(fields) >= {"edit_1", "edit_2"}
    assert (await ana.post(f"/inbox/requests/{request.id}/edit", fields)).status_code == 303
    assert service.desk.requests[request.id].params == params | {"amount": 2}


async def test_an_edit_of_an_earlier_revision_changes_nothing(service: Service, ana: Visitor) -> None:
    request = service.ask(editable=("amount",))
    fields = await edit_form(ana, request.id, edit_0="900")
    service.desk.revise(request.id, {"amount": 7})
    refused = await ana.post(f"/inbox/requests/{request.id}/edit", fields)
    assert refused.status_code == 409
    assert "Your edit did not count." in refused.text
    assert "900</textarea>" not in refused.text
    assert service.desk.requests[request.id].params == {"amount": 7}


@pytest.mark.parametrize("broken", [{"nonce": "short"}, {"revision": "0"}, {"revision": "1e3"}])
async def test_an_edit_that_was_tampered_with_changes_nothing(
    service: Service, ana: Visitor, broken: dict[str, str]
) -> None:
    request = service.ask(editable=("amount",))
    fields = await edit_form(ana, request.id, edit_0="900")
    assert (await ana.post(f"/inbox/requests/{request.id}/edit", fields | broken)).status_code == 422
    assert service.desk.requests[request.id].revision == 1


async def test_an_edit_from_elsewhere_or_by_a_stranger_changes_nothing(
    service: Service, ana: Visitor, stranger: Visitor
) -> None:
    request = service.ask(editable=("amount",))
    path = f"/inbox/requests/{request.id}/edit"
    fields = await edit_form(ana, request.id, edit_0="900")
    assert (await ana.post(path, fields, {"Origin": "https://evil.example"})).status_code == 403
    assert (await ana.post(path, fields | {"csrf": "x" * 43})).status_code == 403
    assert (await stranger.post(path, fields)).status_code == 401
    assert (await ana.get(path)).status_code == 404
    assert (await ana.post("/inbox/requests/req_0/edit", fields)).status_code == 404
    assert service.desk.requests[request.id].revision == 1


async def test_who_may_not_answer_is_offered_no_edit_and_refused_one(service: Service, ana: Visitor) -> None:
    mine = service.ask(editable=("amount",))
    fields = await edit_form(ana, mine.id, edit_0="900")
    other = service.ask(editable=("amount",), approvers=("email:ben@example.com",))
    page = (await ana.get(f"/inbox/requests/{other.id}")).text
    assert "/edit" not in page
    refused = await ana.post(f"/inbox/requests/{other.id}/edit", fields)
    assert refused.status_code == 403
    assert "you are not an approver" in refused.text
    assert service.desk.requests[other.id].revision == 1


async def test_an_edit_of_hostile_values_is_escaped_on_the_page(service: Service, ana: Visitor) -> None:
    attack = "</textarea><script>alert(1)</script>"
    request = service.ask(params={"note": attack, attack: 1}, editable=("note", attack))
    before = (await ana.get(f"/inbox/requests/{request.id}")).text
    fields = await edit_form(ana, request.id, edit_0=f"{attack}2")
    assert (await ana.post(f"/inbox/requests/{request.id}/edit", fields)).status_code == 303
    after = (await ana.get(f"/inbox/requests/{request.id}")).text
    assert "<script>alert" not in before + after
