"""The policy over HTTP, with an admin's key: read, checked, put in force under what was seen, and rolled back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import missing_required_header, negative_data_rejection, positive_data_acceptance

from problem import refused
from sayso_bot.http.openapi import document
from sayso_bot.opening import opened_book
from sayso_bot.policy import digest
from sayso_bot.settings import Settings
from sayso_bot.telemetry import logger
from service import Sayso, ServiceProcess, a_key, serving, until

FIRST = """\
approvers: {finance: ["email:ana@example.com", "email:ben@example.com"]}
rules:
  - {name: payments, action: pay.*, ask: {channel: inbox, approvers: finance, quorum: 2}}
  - {action: read.*, when: agent == 'shop', allow: true}
"""
SECOND = FIRST.replace("quorum: 2", "quorum: 1")
PATH = "/v1/admin/policy"
BUILT_IN = '"built-in"'
schema = schemathesis.openapi.from_dict(document(version("sayso")))


def tag(text: str) -> str:
    return f'"{digest(text)}"'


async def admin(sayso: Sayso) -> httpx.AsyncClient:
    return await sayso.agent("ops", kinds=frozenset({"admin"}))


async def put(client: httpx.AsyncClient, text: str, seen: str, **more: Any) -> httpx.Response:
    return await client.put(PATH, json={"document": text, **more}, headers={"If-Match": seen})


async def test_a_document_is_put_in_force_by_who_has_seen_what_it_replaces() -> None:
    async with serving() as sayso:
        client = await admin(sayso)
        empty = await client.get(PATH)
        assert (empty.json(), empty.headers["ETag"]) == ({"version": None, "digest": None, "document": None}, BUILT_IN)
        done = await put(client, FIRST, BUILT_IN, comment="The beginning")
        assert done.status_code == 200
        assert done.headers["ETag"] == tag(FIRST)
        assert done.json() == {
            "version": 1, "digest": digest(FIRST), "replaced": None, "changed": True, "comparison": None,
        }  # fmt: skip
        found = await client.get(PATH)
        told = found.json()
        assert (told["document"], told["digest"], found.headers["ETag"]) == (FIRST, digest(FIRST), tag(FIRST))
        assert (told["version"]["number"], told["version"]["via"], told["version"]["comment"]) == (
            1, "api", "The beginning",
        )  # fmt: skip
        assert told["version"]["by"].startswith("the key ops (key_")
        assert told["version"]["where"] == "127.0.0.1"
        agent = await sayso.agent()
        asked = await agent.post("/v1/requests", json={"action": "pay.refund", "params": {}})
        assert asked.json()["rule"] == "payments"
        (entry,) = await sayso.journal("policy_activated")
        assert {"digest": digest(FIRST), "replaces": None, "via": "api"}.items() <= json.loads(entry["data"]).items()


async def test_of_two_admins_the_slower_is_told_and_overwrites_nothing() -> None:
    async with serving(policy=FIRST) as sayso:
        one, other = await admin(sayso), await admin(sayso)
        seen = (await other.get(PATH)).headers["ETag"]
        answers = await asyncio.gather(put(one, SECOND, seen), put(other, SECOND + "# other\n", seen))
        assert sorted(answer.status_code for answer in answers) == [200, 412]
        late = await put(other, FIRST + "# late\n", seen)
        assert refused(late, 412, "changed_meanwhile", "If-Match")["detail"].endswith("Read it again.")
        assert len((await one.get(f"{PATH}/versions")).json()["items"]) == 2


@pytest.mark.parametrize("method", ["put", "rollback"])
async def test_who_does_not_say_what_they_have_seen_changes_nothing(method: str) -> None:
    async with serving(policy=FIRST) as sayso:
        client = await admin(sayso)

        async def change(headers: dict[str, str]) -> httpx.Response:
            if method == "put":
                return await client.put(PATH, json={"document": SECOND}, headers=headers)
            return await client.post(f"{PATH}/rollback", json={"version": 1}, headers=headers)

        refused(await change({}), 428, "precondition_required", "If-Match")
        for seen in (tag(SECOND), f"W/{tag(FIRST)}", BUILT_IN, "nonsense", digest(FIRST), '"'):
            refused(await change({"If-Match": seen}), 412, "changed_meanwhile", "If-Match")
        assert (await client.get(PATH)).json()["version"]["number"] == 1
        for seen in (f'"x", {tag(FIRST)}', "*"):
            assert (await change({"If-Match": seen})).status_code == 200


async def test_only_an_admin_s_key_is_let_in_and_others_go_on_the_record() -> None:
    async with serving(policy=FIRST) as sayso:
        agent, executor = await sayso.agent(), await sayso.agent("runner", kinds=frozenset({"executor"}))
        for client in (agent, executor):
            refused(await client.get(PATH), 403, "forbidden")
            refused(await put(client, SECOND, "*"), 403, "forbidden")
            refused(await client.post(f"{PATH}/rollback", json={"version": 1}), 403, "forbidden")
        refused(await sayso.client().get(PATH), 401, "unauthenticated")
        assert len(await sayso.journal("admin_refused")) == 6
        assert len(await sayso.journal("policy_activated")) == 1


async def test_a_document_that_is_no_policy_is_refused_with_every_place() -> None:
    async with serving(policy=FIRST) as sayso:
        client = await admin(sayso)
        broken = "rules:\n  - action: a\n    ask: {channel: nowhere, quorum: 0}\n"
        for answer in (
            await put(client, broken, tag(FIRST)),
            await client.post(f"{PATH}/check", json={"document": broken}),
        ):
            told = refused(answer, 422, "policy_invalid", "document")
            assert [(each["line"], each["column"]) for each in told["problems"]] == [(3, 20), (3, 37)]
        for text in ("a: &a [x]\n", "rules: [\n", "\ufeffrules: []\n", "rules:\n\t- x\n"):
            refused(await put(client, text, "*"), 422, "policy_invalid", "document")
        refused(await put(client, "a\0b", "*"), 422, "invalid_field", "document")
        refused(await put(client, "", "*"), 422, "invalid_field", "document")
        refused(await put(client, FIRST, "*", colour="red"), 422, "invalid_field", "colour")
        refused(await put(client, "#" * (9 * 1024 * 1024), "*"), 413, "body_too_large")
        assert (await client.get(PATH)).json()["version"]["number"] == 1


async def test_a_large_document_is_taken() -> None:
    async with serving(policy=FIRST) as sayso:
        client = await admin(sayso)
        large = FIRST + "# a remark of no consequence\n" * 100_000
        assert (await put(client, large, tag(FIRST))).status_code == 200
        assert (await client.get(PATH)).json()["document"] == large


async def test_what_demands_less_is_not_refused_but_said() -> None:
    async with serving(policy=FIRST) as sayso:
        client = await admin(sayso)
        checked = (await client.post(f"{PATH}/check", json={"document": SECOND})).json()
        sentence = 'pay.*: quorum 1 instead of 2 (rule "payments").'
        assert [each["told"] for each in checked["comparison"]["weakened"]] == [sentence]
        assert checked["comparison"]["rules"] == [
            {"kind": "changed", "rule": "payments", "line": 3, "details": ["quorum: 2 → 1"]}
        ]
        done = (await put(client, SECOND, tag(FIRST))).json()
        assert done["comparison"]["weakened"] == checked["comparison"]["weakened"]
        assert (await client.get(PATH)).json()["version"]["weakens"] == [sentence]


async def test_versions_are_listed_shown_compared_and_brought_back() -> None:
    async with serving(policy=FIRST) as sayso:
        client = await admin(sayso)
        await put(client, SECOND, tag(FIRST))
        page = (await client.get(f"{PATH}/versions?limit=1")).json()
        assert ([each["number"] for each in page["items"]], page["next_cursor"]) == ([2], "2")
        rest = (await client.get(f"{PATH}/versions?cursor=2")).json()
        assert ([each["via"] for each in rest["items"]], rest["next_cursor"]) == (["file"], None)
        assert rest["items"][0]["where"].endswith(str(sayso.service.settings.policy))
        shown = (await client.get(f"{PATH}/versions/1")).json()
        assert (shown["document"], shown["version"]["digest"]) == (FIRST, digest(FIRST))
        found = (await client.get(f"{PATH}/diff", params={"from": "1"})).json()
        assert found["comparison"]["rules"][0]["details"] == ["quorum: 2 → 1"]
        assert any(line.startswith("-  - {name: payments") for line in found["text"])
        back = await client.post(
            f"{PATH}/rollback", json={"version": 1, "comment": "Too few"}, headers={"If-Match": tag(SECOND)}
        )
        assert back.json()["digest"] == digest(FIRST)
        newest = (await client.get(PATH)).json()["version"]
        assert (newest["number"], newest["restores"], newest["comment"]) == (3, 1, "Too few")
        refused(await client.get(f"{PATH}/versions/9"), 404, "not_found")
        refused(await client.get(f"{PATH}/versions/x"), 404, "not_found")
        refused(await client.get(f"{PATH}/versions?cursor=x"), 422, "invalid_field", "cursor")
        refused(await client.get(f"{PATH}/diff?to=yesterday"), 422, "invalid_field", "to")
        gone = await client.post(f"{PATH}/rollback", json={"version": 9}, headers={"If-Match": "*"})
        refused(gone, 404, "not_found")


async def test_an_explanation_is_of_the_policy_in_force_and_asks_nothing() -> None:
    async with serving(policy=FIRST) as sayso:
        client = await admin(sayso)
        told = (await client.post(f"{PATH}/explain", json={"action": "pay.refund", "params": {"n": 1}})).json()
        assert told["placed"] == {"channel": "inbox", "place": "inbox", "why": ""}
        assert (told["verdict"]["rule"], told["verdict"]["quorum"]) == ("payments", 2)
        passed = (await client.post(f"{PATH}/explain", json={"action": "read.log", "agent": "other"})).json()
        assert passed["steps"][1]["why"] == "Its condition is not true: agent == 'shop', where agent is other."
        assert (passed["verdict"]["kind"], passed["placed"]) == ("deny", None)
        assert await sayso.journal("submitted") == []


async def test_a_new_policy_is_in_force_on_another_replica_within_a_second() -> None:
    async with serving(policy=FIRST) as first, serving(redis=first.redis) as second:
        client = await admin(first)
        await put(client, SECOND, tag(FIRST))
        await until(lambda: second.service.configuration.policy.digest == digest(SECOND), seconds=1)


# --------------------------------------------------------------------------- whatever is sent


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServiceProcess, str]]:
    """A running service, and an admin's key."""

    async def key(process: ServiceProcess) -> str:
        made, secret = a_key("ops", kinds=frozenset({"admin"}))
        async with opened_book(Settings.load(process.environ), logger("test")) as store:
            await store.put_key(made, "key_created")
        return secret

    with ServiceProcess(tmp_path_factory.mktemp("policy")) as process:
        yield process, asyncio.run(key(process))


@schema.include(path_regex="^/v1/admin/policy").parametrize()
@settings(
    max_examples=8, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_every_answer_is_one_that_the_document_describes(case: Any, gate: tuple[ServiceProcess, str]) -> None:
    process, key = gate
    answer = case.call(base_url=process.url, headers={"Authorization": f"Bearer {key}"})
    told = answer.json().get("code") if answer.status_code >= 400 else ""
    unforetold = [positive_data_acceptance, negative_data_rejection, missing_required_header]
    beyond = {  # what no schema foretells: what a policy is, what is in force now, which values are I-JSON
        "changed_meanwhile": unforetold,
        "precondition_required": unforetold,
        "policy_invalid": [positive_data_acceptance],
        "invalid_field": [positive_data_acceptance],
        "not_found": [positive_data_acceptance],
    }.get(told, [])
    case.validate_response(answer, excluded_checks=beyond)
