"""What an agent may send, and the problem document that it gets for everything else."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from problem import refused
from sayso_bot.http import intake
from service import serving

ASK = {"action": "a.b", "params": {}}
JSON = {"Content-Type": "application/json"}


async def send(agent: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    return await agent.post("/v1/requests", content=body, headers={**JSON, **headers})


async def made(agent: httpx.AsyncClient) -> int:
    return len((await agent.get("/v1/requests")).json()["items"])


def params(text: str) -> bytes:
    return b'{"action": "a.b", "params": {"x": ' + text.encode() + b"}}"


async def test_what_is_no_json_is_a_400() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        for body in (b"", b" ", b"{", b"nul", b"{'a': 1}", b'{"a": 1,}', b"\xff\xfe", b'{"a": "\xed\xa0\x80"}',
                     b'{"a": "\x00"}', b"\xef\xbb\xbf{}", b"{} {}", b'{"a": +1}', b'{"a": 01}', b'{"a": .5}',
                     b'{"a": 1.}', b'{"a": 0x1}'):  # fmt: skip
            told = refused(await send(agent, body), 400, "bad_json")
            assert "Nothing was changed" in told["detail"]
        assert await made(agent) == 0


async def test_a_body_on_which_readers_disagree_is_a_422_that_names_the_path() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        for body, field in (
            (b'{"action": "a", "action": "b", "params": {}}', "action"),
            (params('{"y": 1, "z": [{"w": 1, "w": 2}]}'), "params.x.z[0].w"),
            (params('{"y": 1, "\\u0079": 2}'), "params.x.y"),
            (params("9007199254740993"), "params.x"),
            (params("[1, -9007199254740992]"), "params.x[1]"),
            (params("9007199254740992.0"), "params.x"),
            (params("1e20"), "params.x"),
            (params("1e400"), "params.x"),
            (params("-1e400"), "params.x"),
            (params("NaN"), "params.x"),
            (params("-Infinity"), "params.x"),
            (params("0.1000000000000000055511151231257827"), "params.x"),
            (params("1e-400"), "params.x"),
            (params("1" * 4301), "params.x"),
            (params("0." + "0" * 5000 + "1"), "params.x"),
            (params('"\\ud800"'), "params.x"),
            (params('["a\\udc00b"]'), "params.x[0]"),
            (params('{"\\ud83d": 1}'), "params.x"),
            (params('"a\\u0000b"'), "params.x"),
            (params('{"\\u0000": 1}'), "params.x"),
        ):
            refused(await send(agent, body), 422, "invalid_field", field)
        assert await made(agent) == 0


async def test_a_path_that_cannot_be_written_is_shown_and_a_long_one_is_cut() -> None:
    """The path holds what the agent wrote, so it may be anything."""
    async with serving() as sayso:
        agent = await sayso.agent()
        doubled = await send(agent, params('{"\\ud800": 1, "\\ud800": 2}'))
        refused(doubled, 422, "invalid_field", "params.x.⟨U+D800⟩")
        reordered = await send(agent, params('{"\\u202e\\n": 1e400}'))
        refused(reordered, 422, "invalid_field", "params.x.⟨U+202E⟩⟨U+000A⟩")
        endless = await send(agent, b'{"action": "a", "params": {}, "' + b"k" * 200_000 + b'": 1}')
        assert len(endless.content) < 3000
        assert endless.status_code == 422


async def test_numbers_on_which_readers_agree_are_taken_however_they_are_written() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        seen = set()
        for literal in ("1.10", "1.1", "11e-1", "0.11E+1"):
            answer = await send(agent, params(literal))
            assert answer.status_code == 201, answer.text
            seen.add(answer.json()["fingerprint"])
        assert len(seen) == 1
        for literal, value in (("-0", 0), ("-0.0", 0), ("1.0", 1), ("9007199254740991", 2**53 - 1), ("1e22", 1e22),
                               ("5e-324", 5e-324), ("0e999", 0), ("1" + "0" * 15, 10**15)):  # fmt: skip
            answer = await send(agent, params(literal))
            assert answer.json()["params"] == {"x": value}, literal
            assert (await agent.get(answer.headers["Location"])).json()["params"] == {"x": value}


async def test_thirty_two_levels_are_taken_and_thirty_three_are_not() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        assert (await send(agent, params("[" * 30 + "]" * 30))).status_code == 201
        told = refused(await send(agent, params("[" * 31 + "]" * 31)), 422, "invalid_field", "params.x" + "[0]" * 30)
        assert "32" in told["detail"]
        for deep in (b"[" * 100_000, b'{"a":' * 40_000, b"[" * 100_000 + b"]" * 100_000):
            answer = await send(agent, deep)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")
        many = '"' + "[{" * 1000 + '"'
        assert (await send(agent, params(many))).status_code == 201


async def test_fields_are_checked_and_unknown_ones_refused() -> None:
    """A field whose behaviour is not built yet is unknown, so nobody relies on it."""
    async with serving() as sayso:
        agent = await sayso.agent()
        wrong: tuple[tuple[dict[str, Any], str], ...] = (
            ({"action": 1}, "action"), ({"action": None}, "action"), ({"action": ""}, "action"),
            ({"action": "a b"}, "action"), ({"action": "a\n"}, "action"), ({"action": "а"}, "action"),
            ({"action": "a" * 129}, "action"), ({"params": None}, "params"), ({"params": []}, "params"),
            ({"params": "{}"}, "params"), ({"summary": 1}, "summary"), ({"summary": "x" * 2001}, "summary"),
            ({"reasoning": "x" * 100_001}, "reasoning"), ({"diff": ["x"]}, "diff"), ({"links": "x"}, "links"),
            ({"links": ["x", 2]}, "links[1]"), ({"links": ["x"] * 21}, "links"), ({"links": ["x" * 2001]}, "links[0]"),
            ({"metadata": None}, "metadata"), ({"metadata": [1]}, "metadata"), ({"on_behalf_of": {}}, "on_behalf_of"),
            ({"intent": "x" * 201}, "intent"), ({"timeout": 30}, "timeout"), ({"timeout": "0s"}, "timeout"),
            ({"timeout": "1w"}, "timeout"), ({"timeout": "-1s"}, "timeout"), ({"timeout": "1s\n"}, "timeout"),
            ({"callback_url": "https://example.com"}, "callback_url"), ({"form": {}}, "form.fields"),
            ({"status": "approved"}, "status"), ({"agent": "other"}, "agent"), ({"": 1}, ""),
        )  # fmt: skip
        for change, field in wrong:
            told = refused(await agent.post("/v1/requests", json={**ASK, **change}), 422, "invalid_field", field)
            assert "Nothing was made" in told["detail"]
            assert "pydantic" not in told["detail"]
        for lacking in (b"{}", b'{"action": "a.b"}', b'{"params": {}}'):
            assert (await send(agent, lacking)).json()["detail"].endswith("is required. Nothing was made.")
        for other in (b"[]", b'"x"', b"1", b"null", b"true"):
            refused(await send(agent, other), 422, "invalid_field", "")
        assert await made(agent) == 0


async def test_claims_come_back_as_claims_and_never_as_facts() -> None:
    async with serving() as sayso:
        agent = await sayso.agent(principal="ana@example.com")
        claims = {"summary": "s", "reasoning": "r", "diff": "d", "links": ["l"], "metadata": {"m": [1, None]},
                  "on_behalf_of": "ben@example.com", "intent": "i"}  # fmt: skip
        told = (await agent.post("/v1/requests", json={**ASK, **claims})).json()
        assert told["claims"] == claims
        assert told == (await agent.get(f"/v1/requests/{told['id']}")).json()


async def test_a_body_has_at_most_256_kib_however_its_length_is_told() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()

        def body(size: int) -> bytes:
            text = json.dumps({"action": "a.b", "params": {"x": ""}}).encode()
            return text.replace(b'""', b'"' + b"y" * (size - len(text)) + b'"')

        async def chunks(whole: bytes) -> Any:
            for start in range(0, len(whole), 10_000):
                yield whole[start : start + 10_000]

        assert len(body(256 * 1024)) == 256 * 1024
        assert (await send(agent, body(256 * 1024))).status_code == 201
        for size in (256 * 1024 + 1, 900_000, 3_000_000):
            told = refused(await send(agent, body(size)), 413, "body_too_large")
            assert "Nothing was" in told["detail"]
            streamed = await agent.post("/v1/requests", content=chunks(body(size)), headers=JSON)
            refused(streamed, 413, "body_too_large")
        within = await agent.post("/v1/requests", content=chunks(body(50_000)), headers=JSON)
        assert within.status_code == 201


async def test_only_json_as_it_is_is_taken() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        body = json.dumps(ASK).encode()
        for kind in ("", "text/plain", "application/x-www-form-urlencoded", "application/problem+json", "json"):
            refused(await send(agent, body, **{"Content-Type": kind}), 415, "unsupported_media_type")
        for coding in ("gzip", "deflate", "br", "zstd", "identity, gzip", "nonsense"):
            refused(await send(agent, body, **{"Content-Encoding": coding}), 415, "unsupported_media_type")
        assert (await send(agent, body, **{"Content-Type": "Application/JSON; charset=UTF-8"})).status_code == 201
        assert (await send(agent, body, **{"Content-Encoding": "identity"})).status_code == 201


async def test_a_body_that_does_not_arrive_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BODY_SECONDS", 0.1)

    async def stalled() -> Any:
        yield b'{"action": '
        await asyncio.sleep(0.5)
        yield b'"a.b", "params": {}}'

    async with serving() as sayso:
        agent = await sayso.agent()
        refused(await agent.post("/v1/requests", content=stalled(), headers=JSON), 400, "bad_http")


async def test_an_unknown_id_and_another_agents_id_look_the_same() -> None:
    async with serving() as sayso:
        agent, other = await sayso.agent("one"), await sayso.agent("two")
        theirs = (await agent.post("/v1/requests", json=ASK)).json()["id"]
        unknown = theirs[:-4] + "0000"
        told = []
        for request in (theirs, unknown):
            for method, path in (("GET", ""), ("GET", "?wait=5"), ("POST", "/cancel")):
                answer = await other.request(method, f"/v1/requests/{request}{path}")
                told.append(refused(answer, 404, "not_found"))
        assert all(document == told[0] for document in told)
        for odd in ("x", "req_", theirs.upper(), theirs + "0", "%00", "..%2f", "req_*", "%zz", "a" * 5000, "é"):
            refused(await agent.get(f"/v1/requests/{odd}"), 404, "not_found")
        assert (await agent.get(f"/v1/requests/{theirs}")).json()["status"] == "pending"


async def test_a_path_or_method_that_is_not_offered_says_so() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        for path, offered in (("/v1/requests", "GET, POST"), ("/v1/requests/x", "GET"),
                              ("/v1/requests/x/cancel", "POST"),
                              ("/openapi.json", "GET"), ("/metrics", "GET"), ("/readyz", "GET")):  # fmt: skip
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "HEAD"} - set(
                offered.split(", ")
            ):
                answer = await agent.request(method, path)
                assert (answer.status_code, answer.headers["Allow"]) == (405, offered), (method, path)
                if method != "HEAD":
                    refused(answer, 405, "method_not_allowed")
        for path in ("/v1", "/v1/requests/", "//v1/requests", "/v1/request", "/V1/requests",
                     "/v1/requests/x/approve",
                     "/v1/requests/x/vote", "/v1/receipts/redeem", "/v1/admin/nothing", "/%00"):  # fmt: skip
            refused(await agent.request("POST", path, json=ASK), 404, "not_found")


async def test_an_idempotency_key_is_one_header_of_visible_ascii() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        for bad in (b"", b"a b", b"x" * 256, "é".encode(), b"\xff", b"a\tb"):
            answer = await agent.post("/v1/requests", json=ASK, headers={b"Idempotency-Key": bad})
            refused(answer, 422, "invalid_field", "Idempotency-Key")
        twice = await agent.post("/v1/requests", json=ASK, headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "a")])
        refused(twice, 422, "invalid_field", "Idempotency-Key")
        assert await made(agent) == 0
        for good in ("x" * 255, "!", '"quoted"', "{main}:clock", "*"):
            first = await agent.post("/v1/requests", json=ASK, headers={"Idempotency-Key": good})
            again = await agent.post("/v1/requests", json=ASK, headers={"Idempotency-Key": good})
            assert (first.status_code, again.status_code) == (201, 200)
            assert first.json()["id"] == again.json()["id"]


async def test_bodies_of_one_idempotency_key_are_compared_by_what_they_say() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        key = {"Idempotency-Key": "k"}
        first = await send(agent, b'{"action":"a","params":{"x":1.10,"y":"\xc3\xa9"},"summary":"s"}', **key)
        same = await send(agent, b'{"summary":"s",\n"params":{"y":"\\u00e9","x":1.1},"action":"a"}', **key)
        assert (same.status_code, same.headers["Idempotent-Replayed"]) == (200, "true")
        assert same.json() == first.json()
        for other in (b'{"action":"a","params":{"x":1.10,"y":"\xc3\xa9"}}',
                      b'{"action":"a","params":{"x":"1.10","y":"\xc3\xa9"},"summary":"s"}',
                      b'{"action":"a","params":{"x":1.10,"y":"e\xcc\x81"},"summary":"s"}'):  # fmt: skip
            refused(await send(agent, other, **key), 422, "idempotency_mismatch")
        await sayso.vote(first.json()["id"], "approve")
        settled = await send(agent, b'{"action":"a","params":{"x":1.1,"y":"\xc3\xa9"},"summary":"s"}', **key)
        assert (settled.status_code, settled.json()["status"]) == (200, "approved")
        assert await made(agent) == 1


async def test_keys_of_one_agent_share_its_requests_and_idempotency_keys() -> None:
    async with serving() as sayso:
        one, other = await sayso.agent("twin"), await sayso.agent("twin")
        first = await one.post("/v1/requests", json=ASK, headers={"Idempotency-Key": "k"})
        again = await other.post("/v1/requests", json=ASK, headers={"Idempotency-Key": "k"})
        assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])


async def test_a_preference_to_wait_is_applied_or_ignored_but_never_refused() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()

        async def applied(*values: str) -> str | None:
            answer = await agent.post(
                "/v1/requests", json={**ASK, "timeout": "1s"}, headers=[("Prefer", v) for v in values]
            )
            assert answer.status_code == 201
            found: str | None = answer.headers.get("Preference-Applied")
            return found

        assert await applied() is None
        for ignored in ("", "wait", "wait=", "wait=x", "wait=-1", "wait=1.5x", "respond-async", "await=5", "wait=1e3"):
            assert await applied(ignored) is None, ignored
        for understood in ("wait=0", "WAIT = 0", 'wait="0"', "respond-async, wait=0", "wait=0; x=y"):
            assert await applied(understood) == "wait=0", understood
        assert await applied("respond-async", "wait=0") == "wait=0"
        assert await applied("wait=999999999") == "wait=55"


async def test_a_wait_is_bounded_and_must_be_a_number() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        asked = (await agent.post("/v1/requests", json={**ASK, "timeout": "1s"})).json()["id"]
        for bad in ("", "x", "-1", "1s", "NaN", "Infinity", "1,5", "٣", "1 "):
            refused(await agent.get(f"/v1/requests/{asked}", params={"wait": bad}), 422, "invalid_field", "wait")
        for odd in ("wait=0&x=1", "wait=0&Wait=1", "token=1"):
            assert (await agent.get(f"/v1/requests/{asked}?{odd}")).status_code == 422
        for good in ("0", "0.01", "1e-2", "00"):
            assert (await agent.get(f"/v1/requests/{asked}?wait={good}")).status_code == 200
        told = await agent.get(f"/v1/requests/{asked}?wait=1e999")
        assert told.json()["status"] == "expired"


async def test_a_list_is_read_page_by_page_newest_first_each_once() -> None:
    async with serving() as sayso:
        agent, other = await sayso.agent("lister"), await sayso.agent("other")
        ids = [
            (await agent.post("/v1/requests", json={**ASK, "action": f"a.{number % 3}"})).json()["id"]
            for number in range(250)
        ]
        await other.post("/v1/requests", json=ASK)
        for request in ids[::10]:
            await agent.post(f"/v1/requests/{request}/cancel")
        newest_first = ids[::-1]
        gone = set(ids[::10])

        async def pages(**query: Any) -> list[str]:
            found, cursor = [], None
            while True:
                given = {**query, **({"cursor": cursor} if cursor else {})}
                page = (await agent.get("/v1/requests", params=given)).json()
                assert len(page["items"]) <= query.get("limit", 50)
                found += [item["id"] for item in page["items"]]
                cursor = page["next_cursor"]
                if cursor is None:
                    return found

        assert await pages() == newest_first
        assert await pages(limit=7) == newest_first
        assert await pages(limit=100, agent="lister") == newest_first
        assert await pages(agent="other") == []
        assert await pages(status="cancelled") == [request for request in newest_first if request in gone]
        assert await pages(status="pending", limit=30) == [request for request in newest_first if request not in gone]
        assert await pages(action="a.1", limit=9) == ids[1::3][::-1]
        both = [request for request in ids[2::3][::-1] if request in gone]
        assert await pages(action="a.2", status="cancelled", limit=3) == both
        assert await pages(status="approved") == await pages(action="none") == []


async def test_what_comes_in_while_a_list_is_read_moves_nothing() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        ids = [(await agent.post("/v1/requests", json=ASK)).json()["id"] for _ in range(6)]
        first = (await agent.get("/v1/requests?limit=3")).json()
        await agent.post("/v1/requests", json=ASK)
        rest = (await agent.get(f"/v1/requests?limit=3&cursor={first['next_cursor']}")).json()
        assert [item["id"] for item in first["items"] + rest["items"]] == ids[::-1]


async def test_a_list_takes_known_filters_with_values_that_can_be() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        for query, field in (
            ("status=open", "status"), ("status=", "status"), ("status=PENDING", "status"), ("action=a*", "action"),
            ("action=", "action"), ("cursor=x", "cursor"), ("cursor=-1", "cursor"), ("cursor=", "cursor"),
            ("cursor=" + "9" * 16, "cursor"), ("limit=0", "limit"), ("limit=101", "limit"), ("limit=1.0", "limit"),
            ("limit=٣", "limit"), ("page=2", "page"), ("Status=pending", "Status"), ("%00=1", "⟨U+0000⟩"),
        ):  # fmt: skip
            refused(await agent.get(f"/v1/requests?{query}"), 422, "invalid_field", field)
        refused(await agent.post("/v1/requests?wait=1", json=ASK), 422, "invalid_field", "wait")
        for past in ("0", "1", "9" * 15):
            assert (await agent.get(f"/v1/requests?cursor={past}")).json() == {"items": [], "next_cursor": None}


async def test_cancelling_takes_no_fields() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        asked = (await agent.post("/v1/requests", json={"action": "a.b", "params": {}})).json()["id"]
        path = f"/v1/requests/{asked}/cancel"
        refused(await agent.post(path, json={"reason": "x"}), 422, "invalid_field", "")
        refused(await agent.post(path, content=b"{"), 400, "bad_json")
        assert (await agent.get(f"/v1/requests/{asked}")).json()["status"] == "pending"
        assert (await agent.post(path, json={})).json()["status"] == "cancelled"
