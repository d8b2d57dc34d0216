"""A request that nobody could take in is refused, and many heavy ones slow nobody down for long."""

from __future__ import annotations

import json
import time

import pytest

from service import serving


@pytest.mark.parametrize(
    "params",
    [
        {"k" * 300: 1},
        {"k" * 100_000: [0] * 30_000, "z": "\u0000A"[1:]},
        {"list": [[]] * 80_000},
        {"deep": {"er": {str(number): number for number in range(6_000)}}},
    ],
    ids=["a long name", "a long name of many", "many empty lists", "many members"],
)
async def test_more_than_a_person_can_take_in_is_refused_at_once(params: dict[str, object]) -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        begun = time.process_time()
        answer = await agent.post("/v1/requests", json={"action": "a.b", "params": params})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")
        assert time.process_time() - begun < 2, "seconds of this process, whatever else the machine does"


async def test_a_page_of_heavy_requests_is_short_and_goes_on_where_it_ended() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        made = []
        for number in range(12):
            body = {"action": "a.b", "params": {"n": number, "text": "é" * 100_000}}
            made.append((await agent.post("/v1/requests", json=body)).json()["id"])
        listed: list[str] = []
        cursor: str | None = ""
        pages = 0
        while cursor is not None:
            answer = await agent.get("/v1/requests", params={"cursor": cursor} if cursor else {})
            assert len(answer.content) < 3_000_000
            page = json.loads(answer.content)
            listed += [item["id"] for item in page["items"]]
            cursor, pages = page["next_cursor"], pages + 1
        assert listed == made[::-1]
        assert pages > 1
