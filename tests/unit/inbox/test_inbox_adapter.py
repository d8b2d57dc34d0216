"""The inbox as an adapter: nothing is posted to it, and only addresses and the operator stand for people in it."""

from __future__ import annotations

import pytest

from sayso_adapters.inbox.settings import configured
from sayso_bot.domain.person import Person
from sayso_bot.domain.story import Entry
from sayso_bot.errors import Unavailable
from sayso_bot.ports import ChatAdapter, Rejected
from unit.inbox.inbox_service import Service
from unit.inbox.visitor import Visitor


def test_the_inbox_is_always_configured() -> None:
    assert configured({}) is True


async def test_what_is_pushed_at_it_is_rejected_and_nothing_is_found(service: Service) -> None:
    inbox: ChatAdapter = service.inbox
    card = service.desk.card(service.ask())
    assert not inbox.capabilities.pushes
    assert await inbox.find(card.request_id, "inbox") is None
    with pytest.raises(Rejected):
        await inbox.post(card, "inbox", "btn_1")
    with pytest.raises(Rejected):
        await inbox.update(card, "inbox", "post", "btn_1")
    with pytest.raises(Rejected):
        await inbox.narrate("inbox", "post", [Entry(card.request_id, "decided", "Approved by Ana.")])
    assert await inbox.told("inbox", "post", [Entry(card.request_id, "decided", "Approved by Ana.")]) == ()
    assert not inbox.capabilities.notifies
    word = Entry(card.request_id, "principal", "Approved by Ana.")
    assert await inbox.notify("ana@example.com", word, near="inbox", look=False) is None


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


@pytest.mark.parametrize("path", ["/", "/inbox/"])
async def test_the_bare_address_leads_to_the_list(stranger: Visitor, path: str) -> None:
    answer = await stranger.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox")


@pytest.mark.parametrize("path", ["/inbox/nothing", "/inbox/history/", "/inbox/requests/a/b/c"])
async def test_an_address_at_which_there_is_nothing_is_told_in_a_page_to_whoever_opens_it(
    ana: Visitor, stranger: Visitor, path: str
) -> None:
    for visitor in (ana, stranger):
        answer = await visitor.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
        assert "There is no such page" in answer.text
        assert ("Sign out" in answer.text) is (visitor is ana)


async def test_while_the_store_is_away_a_page_says_that_and_not_that_there_is_nothing(
    service: Service, ana: Visitor
) -> None:
    service.around.shelf.broken = Unavailable("The store cannot be reached. Nothing was changed.")
    answer = await ana.get("/inbox/nothing")
    assert answer.status_code == 503
    assert "The store cannot be reached" in answer.text
