"""`requires_approval`: what people saw is what runs, or nothing runs."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from fakes.http_api import KEY, HttpApi, reply, request_out, settled
from sayso import AsyncSayso, Denied, Mismatch, NotJson, Sayso, Unusable, requires_approval
from unit.client.either import wait_until


@pytest.fixture
async def gate(api: HttpApi) -> AsyncIterator[AsyncSayso]:
    async with AsyncSayso(api.url, KEY) as client:
        yield client


def params_sent(api: HttpApi) -> dict[str, Any]:
    sent: dict[str, Any] = json.loads(api.seen[0].body)["params"]
    return sent


async def test_a_function_runs_with_what_was_approved(api: HttpApi, gate: AsyncSayso) -> None:
    @requires_approval("payments.refund", client=gate, summary="Refund")
    async def refund(order: str, amount: float = 5, *lines: int, **more: Any) -> Any:
        return order, amount, lines, more

    assert await refund("A-1", 7, 1, 2, note="x") == ("A-1", 7, (1, 2), {"note": "x"})
    assert params_sent(api) == {"order": "A-1", "amount": 7, "lines": [1, 2], "more": {"note": "x"}}


async def test_a_function_that_takes_edits_runs_with_what_was_approved(api: HttpApi, gate: AsyncSayso) -> None:
    @requires_approval("payments.refund", client=gate, edits=True)
    async def refund(order: str, amount: float, note: str = "") -> Any:
        return order, amount, note

    def edited(params: dict[str, Any]) -> None:
        asked = {"order": "A-1", "amount": 7, "note": ""}
        ended = settled(request_out("payments.refund", asked), "approved")
        api.script.append(reply({**ended, "params": params, "original_params": asked}, 201))

    edited({"order": "A-1", "amount": 5, "note": ""})
    assert await refund("A-1", 7) == ("A-1", 5, "")
    for params in ({"order": "A-1", "amount": 7}, {"order": "A-1", "amount": 7, "note": "", "more": 1}):
        edited(params)
        with pytest.raises(Mismatch):
            await refund("A-1", 7)
    with pytest.raises(Unusable, match="Edits need the arguments"):
        requires_approval("payments.refund", lambda order: {"o": order}, client=gate, edits=True)


async def test_defaults_are_part_of_what_people_see(api: HttpApi, gate: AsyncSayso) -> None:
    @requires_approval("payments.refund", client=gate)
    async def refund(order: str, amount: float = 5) -> None: ...

    await refund("A-1")
    assert params_sent(api) == {"order": "A-1", "amount": 5}


async def test_a_function_does_not_run_when_denied(api: HttpApi, gate: AsyncSayso) -> None:
    ran: list[str] = []
    api.answer = "denied"

    @requires_approval("payments.refund", client=gate)
    async def refund(order: str) -> None:
        ran.append(order)

    with pytest.raises(Denied):
        await refund("A-1")
    assert ran == []


async def test_arguments_changed_while_people_decide_are_not_what_runs(api: HttpApi, gate: AsyncSayso) -> None:
    api.answer, api.longest_hold = None, 55

    @requires_approval("payments.refund", client=gate)
    async def refund(lines: list[dict[str, int]]) -> Any:
        return lines

    lines = [{"amount": 1}]
    running = asyncio.ensure_future(refund(lines))
    await wait_until(lambda: api.requests)
    lines[0]["amount"] = 9999
    lines.append({"amount": 5})
    await api.settle(next(iter(api.requests)), "approved")
    assert await running == [{"amount": 1}]


@dataclass
class Order:
    id: str
    amount: int


async def test_params_can_be_made_and_cannot_change_what_runs(api: HttpApi, gate: AsyncSayso) -> None:
    def describe(order: Order) -> dict[str, Any]:
        order.amount += 1
        return {"order": order.id, "amount": order.amount}

    @requires_approval("payments.refund", describe, client=gate)
    async def refund(order: Order) -> Any:
        return order.amount

    assert await refund(Order("A-1", 10)) == 10
    assert params_sent(api) == {"order": "A-1", "amount": 11}


async def test_self_and_shared_arguments_are_handed_on_and_not_told(api: HttpApi, gate: AsyncSayso) -> None:
    class Shop:
        def __init__(self) -> None:
            self.lock = threading.Lock()

        @requires_approval("payments.refund", client=gate, shared=["connection"])
        async def refund(self, connection: object, order: str) -> Any:
            return self, connection, order

    shop, connection = Shop(), threading.Lock()
    assert await shop.refund(connection, "A-1") == (shop, connection, "A-1")
    assert params_sent(api) == {"order": "A-1"}


async def test_arguments_that_are_not_json_or_cannot_be_copied_are_refused_unasked(
    api: HttpApi, gate: AsyncSayso
) -> None:
    @requires_approval("payments.refund", client=gate)
    async def refund(what: object) -> None: ...

    with pytest.raises(NotJson, match=r"params\.what"):
        await refund(Order("A-1", 1))
    with pytest.raises(TypeError, match="shared"):
        await refund(threading.Lock())
    with pytest.raises(TypeError):
        await refund()  # type: ignore[call-arg]
    assert api.seen == []


async def test_an_ordinary_function_asks_too(api: HttpApi) -> None:
    with Sayso(api.url, KEY) as client:

        @requires_approval("payments.refund", client=client)
        def refund(order: str) -> str:
            """Give the money back."""
            return order

        assert await asyncio.to_thread(refund, "A-1") == "A-1"
    assert refund.__doc__ == "Give the money back."
    assert list(inspect.signature(refund).parameters) == ["order"]


async def test_without_a_client_the_environment_says_whom_to_ask(api: HttpApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAYSO_URL", api.url)
    monkeypatch.setenv("SAYSO_KEY", KEY)

    @requires_approval("payments.refund")
    def refund(order: str) -> str:
        return order

    @requires_approval("payments.refund")
    async def refund_later(order: str) -> str:
        return order

    assert await asyncio.to_thread(refund, "A-1") == "A-1"
    assert await refund_later("A-2") == "A-2"


async def test_what_cannot_work_is_refused_when_decorating(gate: AsyncSayso) -> None:
    with pytest.raises(Unusable, match="one question"):
        requires_approval("a", idempotency_key="k")
    with pytest.raises(TypeError, match="AsyncSayso"), Sayso("http://127.0.0.1:9", KEY) as ordinary:
        requires_approval("a", client=ordinary)(asyncio.sleep)
    with pytest.raises(TypeError, match="needs a Sayso"):
        requires_approval("a", client=gate)(len)
    with pytest.raises(TypeError, match="no argument"):
        requires_approval("a", shared=["nothing"])(len)

    async def generate() -> AsyncIterator[int]:
        yield 1

    with pytest.raises(TypeError, match="async generators"):
        requires_approval("a")(generate)
