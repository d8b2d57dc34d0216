"""The inbox as an adapter: nothing is posted to it, and only addresses and the operator stand for people in it."""

from __future__ import annotations

import pytest

from sayso_adapters.inbox.settings import configured
from sayso_bot.domain.person import Person
from sayso_bot.ports import ChatAdapter, Rejected
from unit.inbox.desk_stub import Service


def test_the_inbox_is_always_configured() -> None:
    assert configured({}) is True


async def test_what_is_pushed_at_it_is_rejected_and_nothing_is_found(service: Service) -> None:
    inbox: ChatAdapter = service.inbox
    card = service.desk.card(service.desk.ask())
    assert not inbox.capabilities.pushes
    assert await inbox.find(card.request_id, "inbox") is None
    with pytest.raises(Rejected):
        await inbox.post(card, "inbox", "btn_1")
    with pytest.raises(Rejected):
        await inbox.update(card, "inbox", "post", "btn_1")
    with pytest.raises(Rejected):
        await inbox.notify("email:ana@example.com", "hello")


async def test_an_address_stands_for_itself_and_a_group_for_nobody(service: Service) -> None:
    assert await service.inbox.resolve("email:Ana@Example.com") == {"email:ana@example.com"}
    assert await service.inbox.resolve("operator") == {"operator"}
    assert await service.inbox.resolve("slack:S1") == frozenset()
    ana = Person.known_as("Ana", {"email:ana@example.com"})
    assert await service.inbox.recognise(ana) == ana


async def test_the_doctor_is_told_where_people_answer(service: Service) -> None:
    (check,) = await service.inbox.check()
    assert check.ok
    assert f"{service.url}/inbox" in check.detail
