"""The written-down data model is the whole data model: after a run that uses everything, each key is of a kind that
`sayso_bot.store.keys` names, of the type and with the lifetime that it says.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fakes.slack import FakeSlack
from sayso_bot.domain.admin import Caller
from sayso_bot.domain.deeds import Call, PauseScope, SetRoute
from sayso_bot.domain.pauses import Scope
from sayso_bot.domain.request import Status
from sayso_bot.ports import Put, Sending
from sayso_bot.store.keys import SPECS, Keys, spec_of
from service import ANA, Sayso, serving, until

POLICY = """
channels:
  payments: slack:C0PAYMENTS
  busy: slack:C0BUSY
  closed: slack:C0CLOSED
rules:
  - action: payments.*
    ask: {channel: payments, approvers: [email:ana@example.com, email:ben@example.com], quorum: 2}
  - action: busy.*
    ask: {channel: busy}
  - action: closed.*
    ask: {channel: closed}
  - action: many.*
    ask: {channel: payments, digest: true}
  - action: files.*
    allow: true
  - action: forms.*
    ask: {channel: inbox, approvers: [email:ana@example.com], forms: true}
  - action: "*"
    ask: {channel: inbox, approvers: [email:ana@example.com, operator]}
"""


async def test_every_key_is_written_down_and_lives_as_long_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeSlack() as slack:
        slack.add_user("U0ANA", name="Ana", email="ana@example.com")
        for channel in ("C0PAYMENTS", "C0BUSY"):
            slack.add_channel(channel, members=["U0ANA"])
        async with serving(policy=POLICY, environ=slack.settings()) as sayso:
            await _use_everything(sayso, slack, monkeypatch)
            client: Any = sayso.service.store.client
            used = set()
            async for key in client.scan_iter(count=1000):
                spec = spec_of(key, "main")
                assert spec is not None, f"{key} is not written down"
                used.add(spec.pattern)
                kind, seconds = await client.pipeline().type(key).ttl(key).execute()
                if kind != "none":  # what has been worked off since it was found
                    assert kind == spec.type, key
                    assert (seconds >= 0) is spec.expires, key
            assert used == {spec.pattern for spec in SPECS}, "the run does not use everything"


async def _use_everything(sayso: Sayso, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = await sayso.agent()
    slack.limit_rate("chat.postMessage", after=60)
    await _asked(agent, "busy.a")
    await until(lambda: len(slack.cards_called()) == 1)
    await _asked(agent, "closed.a")
    paid = await _asked(agent, "payments.a", "k")
    message = await slack.posted()
    await slack.tap(sayso.url, message, "approve", user="U0ANA")
    await _asked(agent, "many.a")
    await slack.posted()
    decided, withdrawn = await _asked(agent, "other.a"), await _asked(agent, "other.b")
    await _asked(agent, "files.read")
    await _filed(sayso, agent)
    await sayso.vote(decided, "deny", person=ANA)
    await agent.post(f"/v1/requests/{withdrawn}/cancel")
    slack.fail("users.lookupByEmail", "internal_error", times=100)
    bound = await sayso.agent("bound", principal="boss@example.com")
    await bound.post(f"/v1/requests/{await _asked(bound, 'other.c')}/cancel")
    assert (await agent.get(f"/v1/requests/{paid}")).json()["approvals"]["have"] == 1
    await _administer(sayso, slack, monkeypatch)
    assert sayso.service.sign_in_link is not None
    await sayso.service.sign_in_link("email:ana@example.com", "Ana")
    await until(lambda: _has_alarm(sayso))
    await until(lambda: _has_list(sayso))
    await slack.until_called("users.lookupByEmail")


async def _filed(sayso: Sayso, agent: Any) -> None:
    """One file that is part of a request, and one whose sender never came to that."""
    form = {"fields": [{"name": "papers", "type": "files"}]}
    made = await agent.post("/v1/requests", json={"action": "forms.a", "params": {}, "form": form})

    async def content() -> AsyncIterator[bytes]:
        yield b"a report"

    sending = Sending("a.txt", "text/plain", content(), "o1")
    await sayso.service.desk.put_file(Put(made.json()["id"], ANA, "papers", sending, "inbox"))
    await sayso.service.store.files.receive(content())


async def _nothing() -> dict[Scope, str]:
    return {}


async def _administer(sayso: Sayso, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A route to a place that is named with it, a pause of everything, the use of a key."""
    office, store = sayso.service.office, sayso.service.store
    monkeypatch.setattr(store.office, "to_repaint", _nothing)  # so that what is to be looked at stays there
    slack.add_channel("C0NIGHT", members=["U0ANA"])
    deeds = (SetRoute("busy.*", "slack:C0NIGHT"), PauseScope(Scope()))
    for deed in deeds:
        await office.do(deed, Caller("cli"), Call(type(deed).__name__, confirmed=True))
    await store.office.note_use(["key_1"])
    await store.office.report("slack:C0CLOSED", "channel_not_found")


async def _asked(agent: Any, action: str, idempotency_key: str | None = None) -> str:
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    answer = await agent.post("/v1/requests", json={"action": action, "params": {}}, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _has_list(sayso: Sayso) -> bool:
    store = sayso.service.store
    return bool(await store.client.exists(store.keys.listed("slack:C0PAYMENTS")))


async def _has_alarm(sayso: Sayso) -> bool:
    return bool(await sayso.service.store.alarms(1))


def test_every_name_carries_the_book_s_tag_and_has_one_spec() -> None:
    keys = Keys("main")
    names = [
        *keys.of_request("req_1", "agent", "slack:C1"),
        *(keys[name] for name in ("counters", "index:all", "keys", "policy")),
        keys.by_agent("agent"),
        keys.by_action("payments.refund"),
        keys.rate("key_1"),
        keys.idempotency("agent", "any text {at} all"),
        keys.button("btn_1"),
        *(keys.by_status(status) for status in Status),
    ]
    for name in names:
        assert name.startswith("{main}:")
        assert spec_of(name, "main") is not None
    assert spec_of("{other}:clock", "main") is None
    assert spec_of("{main}:something", "main") is None


def test_what_an_agent_chooses_never_becomes_another_key() -> None:
    """An agent picks its Idempotency-Key; names of agents, actions, books and keys have narrow alphabets."""
    keys = Keys("main")
    assert re.fullmatch(r"\{main\}:idempotency:agent:[0-9a-f]{64}", keys.idempotency("agent", "}:x\n:*"))
    assert keys.idempotency("a", "b:c") != keys.idempotency("a", "b")


def test_keys_of_a_request_are_in_the_order_that_the_functions_read_them() -> None:
    prelude = (Path(__file__).parents[2] / "bot/sayso_bot/store/functions/prelude.lua").read_text()
    body = prelude[prelude.index("local function request_keys") :]
    read = {int(number): name for name, number in re.findall(r"(\w+) = keys\[(\d+)\]", body[: body.index("\nend")])}
    given = Keys("b").of_request("R", "A", "P")
    assert sorted(read) == list(range(1, len(given) + 1))
    for number, name in read.items():
        assert name in given[number - 1].replace("request:R", "record"), f"keys[{number}]"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.pattern)
def test_every_spec_says_what_it_holds_and_how_long(spec: Any) -> None:
    assert spec.holds
    assert spec.lifetime
    assert spec.type in {"hash", "string", "zset", "stream"}


def test_the_page_about_redis_names_every_key_as_the_code_does() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "store.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{spec.pattern}` | {spec.type} | {spec.holds} | {spec.lifetime} |" for spec in SPECS]
