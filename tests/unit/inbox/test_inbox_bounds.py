"""Requests made to be as costly as they may be, addresses that nobody was given, approvals of what was not seen."""

from __future__ import annotations

import re
import time

import pytest

from sayso_bot.domain.request import Cause, Claims, Status
from unit.inbox.inbox_service import Service
from unit.inbox.visitor import Visitor

NASTY = "a." * 60 + "\u202e" * 8
LONG = "\u202e\u0301x" * 100_000


@pytest.mark.parametrize("path", ["/inbox", "/inbox/history", "/inbox/fragments/waiting"])
@pytest.mark.parametrize("cursor", ["abc", "-1", "1" * 16, "%D9%A1", "0x1", "1%0A"])
async def test_a_cursor_that_no_list_gave_is_refused(ana: Visitor, path: str, cursor: str) -> None:
    assert (await ana.get(f"{path}?cursor={cursor}")).status_code == 422


async def test_a_list_of_requests_full_of_hostile_values_is_drawn_quickly(service: Service, ana: Visitor) -> None:
    for number in range(20):
        params = {f"{NASTY}{index}": LONG if index < 4 else index for index in range(2000)}
        asked = service.ask(params=params, claims=Claims(summary=LONG))
        if number % 2:
            service.desk.end(asked.id, Status.EXPIRED, Cause.TIMEOUT)
    for path in ("/inbox", "/inbox/history"):
        start = time.monotonic()
        page = (await ana.get(path)).text
        assert time.monotonic() - start < 3
        assert page.count("1997 more") == 10
        assert len(page) < 400_000


async def test_labels_and_values_of_a_row_are_shortened_and_what_is_left_out_is_counted(
    service: Service, ana: Visitor
) -> None:
    params = {"k" * 300: "v" * 300, "n": [["x" * 300] * 8, 1], "t": "1", "rest": 1, "more": {"a": 1, "b": []}}
    service.ask(params=params)
    page = (await ana.get("/inbox")).text
    assert "k" * 71 + "…" in page
    assert "k" * 72 not in page
    assert "v" * 71 + "…" in page
    assert "3 more" not in page
    assert "4 more" in page


async def test_what_a_row_names_it_names_once(service: Service, ana: Visitor) -> None:
    service.ask(params={"to": "a\u202eb\nc", "l": ["\u200b"]}, claims=Claims(summary="d\u202ee"))
    page = (await ana.get("/inbox")).text
    for shown in ("a⟨U+202E⟩b⟨U+000A⟩c", "[&#34;⟨U+200B⟩&#34;]", "d⟨U+202E⟩e"):
        assert shown in page
    assert "27E8" not in page


async def test_a_name_is_broken_in_a_bounded_number_of_places(service: Service, ana: Visitor) -> None:
    request = service.ask(params={"." * 256: 1})
    page = (await ana.get(f"/inbox/requests/{request.id}")).text
    label = re.search(r'<th scope="row">(.*?)</th>', page)
    assert label
    assert 1 < label[1].count("<wbr>") <= 32
    assert "." * 256 in label[1].replace("<wbr>", "")


async def test_an_approval_counts_only_from_a_page_on_which_all_lay_open(service: Service, ana: Visitor) -> None:
    """Whatever sends the form: the page alone does not keep this rule."""
    request = service.ask(params={"sql": "select 1; " * 1000})
    path = f"/inbox/requests/{request.id}/vote"
    folded = await ana.answer_form(request.id, outcome="approve", reason="Read it")
    for view in ("", "Whole", "all"):
        refused = await ana.post(path, folded | {"view": view})
        assert refused.status_code == 422
        assert "were folded on the page that you approved. Nothing was changed." in refused.text
        assert "Read it" in refused.text
    assert service.desk.ballots == []
    assert (await ana.post(path, folded | {"view": "whole"})).status_code == 303
    assert [ballot.outcome for ballot in service.desk.ballots] == ["approve"]


async def test_a_denial_needs_nothing_to_be_open(service: Service, ana: Visitor) -> None:
    request = service.ask(params={"sql": "select 1; " * 1000})
    assert (await ana.answer(request.id, "deny")).status_code == 303
