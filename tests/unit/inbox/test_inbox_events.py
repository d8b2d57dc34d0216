"""Live hints: what is sent, to whom, and when a stream ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from sayso_adapters.inbox.events import STREAMS_PER_SESSION, Listener
from sayso_bot.ports import Change
from unit.inbox.inbox_service import Service, wait_until
from unit.inbox.visitor import Visitor, hidden_fields


async def _opened(lines: AsyncIterator[str]) -> None:
    """Wait for the first line, which says that the stream listens."""
    assert (await anext(lines)).startswith("retry:")


async def test_a_hint_names_the_request_and_nothing_of_it(service: Service, ana: Visitor) -> None:
    async with ana.client.stream("GET", "/inbox/events") as response:
        lines = response.aiter_lines()
        await _opened(lines)
        await wait_until(lambda: _is_subscribed(service))
        request = service.ask(params={"secret": "payroll"})
        async for line in lines:
            if request.id in line:
                assert json.loads(line.removeprefix("data: ")) == {"id": request.id, "kind": "submitted"}
                return


async def _is_subscribed(service: Service) -> bool:
    return bool(service.desk.listeners)


async def _is_quiet(service: Service) -> bool:
    return not service.desk.listeners


async def test_the_desk_is_only_listened_to_while_a_page_is_open(service: Service, ana: Visitor) -> None:
    service.inbox._live._heartbeat = 0.05
    assert await _is_quiet(service)
    for _ in range(2):
        async with ana.client.stream("GET", "/inbox/events") as response:
            lines = response.aiter_lines()
            await _opened(lines)
            await wait_until(lambda: _is_subscribed(service))
        await wait_until(lambda: _is_quiet(service))


async def test_a_broken_subscription_is_made_again_and_the_page_told_to_read(service: Service, ana: Visitor) -> None:
    service.desk.lost_subscriptions = 1
    async with ana.client.stream("GET", "/inbox/events") as response:
        async for line in response.aiter_lines():
            if "again" in line:
                break
    assert service.around.log.of("changes_lost") == [{"code": "unavailable"}]


async def test_without_a_session_there_are_no_hints(stranger: Visitor) -> None:
    answer = await stranger.get("/inbox/events")
    assert answer.status_code == 401
    assert answer.text == ""


async def test_signing_out_ends_the_streams_of_the_session(service: Service, ana: Visitor) -> None:
    fields = hidden_fields((await ana.get("/inbox")).text, "/sign-out")
    async with ana.client.stream("GET", "/inbox/events") as response:
        lines = response.aiter_lines()
        await _opened(lines)
        await ana.post("/inbox/sign-out", fields)
        async for _ in lines:
            pass


async def test_a_session_that_an_operator_ended_loses_its_stream_with_the_next_heartbeat(
    service: Service, ana: Visitor
) -> None:
    service.inbox._live._heartbeat = 0.05
    async with ana.client.stream("GET", "/inbox/events") as response:
        lines = response.aiter_lines()
        await _opened(lines)
        for name in list(service.around.shelf.kept):
            await service.around.shelf.delete(name)
        async for _ in lines:
            pass


async def test_a_session_that_ended_loses_its_stream_however_busy_the_book_is(service: Service, ana: Visitor) -> None:
    service.inbox._live._heartbeat = 0.2
    async with ana.client.stream("GET", "/inbox/events") as response, asyncio.timeout(10):
        lines = response.aiter_lines()
        await _opened(lines)
        await wait_until(lambda: _is_subscribed(service))
        for name in list(service.around.shelf.kept):
            await service.around.shelf.delete(name)
        service.ask()
        async for line in lines:  # each hint makes the next one, so that it is never silent
            if line.startswith("data: {"):
                service.ask()


async def test_streams_end_when_the_service_stops(service: Service, ana: Visitor) -> None:
    async with ana.client.stream("GET", "/inbox/events") as response:
        lines = response.aiter_lines()
        await _opened(lines)
        await service.inbox.stop()
        async for _ in lines:
            pass
    assert (await ana.get("/inbox/events")).status_code == 503


async def test_a_session_has_a_few_streams_and_ones_that_were_left_do_not_count(service: Service, ana: Visitor) -> None:
    open_streams = [ana.client.stream("GET", "/inbox/events") for _ in range(STREAMS_PER_SESSION)]
    lines = [(await stream.__aenter__()).aiter_lines() for stream in open_streams]
    for each in lines:
        await _opened(each)
    assert (await ana.get("/inbox/events")).status_code == 429
    await open_streams.pop().__aexit__(None, None, None)
    await wait_until(lambda: _is_taken(ana))
    for stream in open_streams:
        await stream.__aexit__(None, None, None)


async def _is_taken(visitor: Visitor) -> bool:
    async with visitor.client.stream("GET", "/inbox/events") as response:
        return response.status_code == 200


async def test_a_page_that_falls_behind_is_told_to_read_everything_again() -> None:
    listener = Listener("session", None)
    for number in range(1000):
        listener.tell(Change(f"req_{number}", "submitted"))
    assert [json.loads(line.removeprefix("data: ")) for line in await listener.next(1)] == [{"id": "", "kind": "again"}]
    listener.tell(Change("req_x", "settled"))
    assert len(await listener.next(1)) == 1
    listener.tell(None)
    assert "again" in (await listener.next(1))[0]
