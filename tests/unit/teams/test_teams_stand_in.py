"""The stand-in answers Microsoft's own client as Teams does; what it lets through, Teams would."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from microsoft_agents.activity import Activity, ConversationParameters
from microsoft_agents.hosting.core.connector.client import ConnectorClient
from microsoft_agents.hosting.core.connector.teams import TeamsConnectorClient

from fakes.teams import FakeTeams
from fakes.teams_entra import SCOPE
from fakes.teams_limits import CARD_TYPE, Rates, answer_faults, card_faults

PLACE = "19:payments@thread.tacv2"
BUTTON = {"type": "Action.Execute", "title": "Approve", "verb": "approve", "data": {"token": "t"}}
CARD: dict[str, Any] = {
    "type": "AdaptiveCard",
    "version": "1.5",
    "body": [{"type": "TextBlock", "text": "Refund 900", "wrap": True}],
    "actions": [BUTTON],
}


@pytest.fixture
async def teams() -> AsyncIterator[FakeTeams]:
    async with FakeTeams() as teams:
        teams.add_user("29:ana", name="Ana", email="ana@example.com")
        teams.add_channel(PLACE, ["29:ana"], name="payments")
        yield teams


@pytest.fixture
async def client(teams: FakeTeams) -> AsyncIterator[ConnectorClient]:
    found = TeamsConnectorClient(teams.service_url, await _token(teams))
    yield found
    await found.close()


async def _token(teams: FakeTeams, **changes: str) -> str:
    form = {"grant_type": "client_credentials", "client_id": teams.app, "client_secret": teams.password, "scope": SCOPE}
    url = f"{teams.root}/{teams.tenant}/oauth2/v2.0/token"
    async with aiohttp.ClientSession() as session, session.post(url, data=form | changes) as answer:
        return str((await answer.json()).get("access_token", ""))


def a_card(card: dict[str, Any] = CARD) -> Activity:
    return Activity.model_validate({"type": "message", "attachments": [{"contentType": CARD_TYPE, "content": card}]})


async def test_a_card_is_posted_changed_and_answered_in_its_thread(teams: FakeTeams, client: ConnectorClient) -> None:
    posted = await client.conversations.send_to_conversation(PLACE, a_card())
    message = await teams.posted()
    assert posted.id == message.id
    assert message.buttons == ["approve"]
    await client.conversations.update_activity(PLACE, message.id, Activity(type="message", text="Approved"))
    assert message.words == "Approved"
    assert message.version == 1
    await client.conversations.send_to_conversation(
        f"{PLACE};messageid={message.id}", Activity(type="message", text="By Ana")
    )
    assert teams.thread(message) == ["By Ana"]


async def test_the_roster_is_read_by_id_by_object_id_and_as_a_list(teams: FakeTeams, client: ConnectorClient) -> None:
    for who in ("29:ana", teams.aad("29:ana"), "ana@example.com"):
        found = await client.conversations.get_conversation_member(PLACE, who)
        assert (found.id, found.aad_object_id) == ("29:ana", teams.aad("29:ana"))
    [listed] = await client.conversations.get_conversation_members(PLACE)
    assert listed.properties["objectId"] == teams.aad("29:ana")


async def test_one_person_is_written_to_once_the_bot_is_where_they_are(
    teams: FakeTeams, client: ConnectorClient
) -> None:
    asked = ConversationParameters.model_validate({"members": [{"id": "29:ana"}], "tenantId": teams.tenant})
    found = await client.conversations.create_conversation(asked)
    await client.conversations.send_to_conversation(found.id, Activity(type="message", text="For you"))
    assert teams.told("29:ana") == ["For you"]


@pytest.mark.parametrize(
    ("conversation", "activity", "status"),
    [
        ("19:nowhere@thread.tacv2", a_card(), 404),
        (PLACE, a_card({**CARD, "body": [{"type": "TextBlock", "text": "x" * 29_000}]}), 413),
        (PLACE, a_card({**CARD, "version": "1.6"}), 400),
        (PLACE, Activity(type="message"), 400),
    ],
)
async def test_what_teams_refuses_is_refused(
    client: ConnectorClient, conversation: str, activity: Activity, status: int
) -> None:
    with pytest.raises(aiohttp.ClientResponseError) as refused:
        await client.conversations.send_to_conversation(conversation, activity)
    assert refused.value.status == status


async def test_a_conversation_without_the_bot_is_closed_to_it(teams: FakeTeams, client: ConnectorClient) -> None:
    teams.conversations[PLACE].open = False
    with pytest.raises(aiohttp.ClientResponseError) as refused:
        await client.conversations.send_to_conversation(PLACE, a_card())
    assert refused.value.status == 403
    assert "BotNotInConversationRoster" in refused.value.message


async def test_a_burst_is_told_how_long_to_wait(client: ConnectorClient) -> None:
    for _ in range(7):
        await client.conversations.send_to_conversation(PLACE, a_card())
    with pytest.raises(aiohttp.ClientResponseError) as refused:
        await client.conversations.send_to_conversation(PLACE, a_card())
    assert refused.value.status == 429
    assert refused.value.headers is not None
    assert refused.value.headers["Retry-After"] == "1"


def test_each_window_of_a_rate_is_kept() -> None:
    rates = Rates(((2, 1.0), (3, 10.0)))
    assert [rates.wait("a", at) for at in (0.0, 0.1, 0.2, 1.1)] == [0.0, 0.0, 0.8, 0.0]
    assert rates.wait("a", 2.5) == 7.5
    assert rates.wait("b", 2.5) == 0.0


async def test_only_a_token_that_was_given_and_has_not_lapsed_is_taken(teams: FakeTeams) -> None:
    assert await _token(teams, client_secret="another") == ""
    assert await _token(teams, scope="https://graph.microsoft.com/.default") == ""
    token = await _token(teams)
    assert teams.admits(f"Bearer {token}")
    teams.tokens[token] = time.time() - 1
    assert not teams.admits(f"Bearer {token}")
    unknown = TeamsConnectorClient(teams.service_url, "made-up")
    with pytest.raises(aiohttp.ClientResponseError) as refused:
        await unknown.conversations.send_to_conversation(PLACE, a_card())
    assert refused.value.status == 401
    await unknown.close()


async def test_trouble_is_met_in_its_order(teams: FakeTeams, client: ConnectorClient) -> None:
    teams.fail("send", 403, "MessageWritesBlocked")
    teams.break_("send", status=502)
    teams.limit_rate("send", after=3)
    teams.drop("send")
    for status in (403, 502, 429):
        with pytest.raises(aiohttp.ClientResponseError) as refused:
            await client.conversations.send_to_conversation(PLACE, a_card())
        assert refused.value.status == status
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.conversations.send_to_conversation(PLACE, a_card())
    assert len(teams.messages) == 1


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"body": []}, "an empty card"),
        ({"body": [{"type": "TextBlock", "text": ""}]}, "TextBlock without text"),
        ({"body": [{"type": "CodeBlock", "codeSnippet": "x"}]}, "element CodeBlock"),
        ({"actions": [BUTTON] * 7}, "7 actions side by side"),
        ({"actions": [{**BUTTON, "verb": ""}]}, "Action.Execute without a verb"),
        ({"actions": [{"type": "Action.OpenUrl", "title": "x", "url": "javascript:0"}]}, "a link to javascript:0"),
        ({"refresh": {"action": BUTTON, "userIds": ["x"] * 61}}, "61 people to refresh for"),
        ({"body": [{"type": "TextBlock", "text": "x" * 26_000}]}, "a card of 26191 bytes"),
        ({"body": [{"type": "Input.Text", "id": "a"}, {"type": "Input.Text", "id": "a"}]}, "the id a twice"),
        ({"body": [{"type": "FactSet", "facts": [{"title": "a"}]}]}, "a fact without title or value"),
    ],
)
def test_what_teams_would_not_show_is_named(change: dict[str, Any], fault: str) -> None:
    assert card_faults(CARD) == []
    assert card_faults({**CARD, **change}) == [fault]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        {"statusCode": 200, "type": CARD_TYPE},
        {"statusCode": 200, "type": CARD_TYPE, "value": {}},
        {"statusCode": 200, "type": "application/vnd.microsoft.activity.message", "value": ""},
        {"type": CARD_TYPE, "value": CARD},
    ],
)
def test_an_answer_for_which_teams_shows_an_error_is_named(answer: Any) -> None:
    assert answer_faults(answer) != []
    assert answer_faults({"statusCode": 200, "type": CARD_TYPE, "value": CARD}) == []
