"""What is around the cards, as a person uses it: the app's home, ``/sayso``, the shortcuts and their buttons.

Everything comes through the signed endpoint.
"""

from __future__ import annotations

from typing import Any

from fakes.slack_surfaces import answer_faults, command, deliver, home_opened, list_tap
from fakes.slack_views import Dialog, view_faults
from fakes.slack_workspace import Json, texts
from sayso_bot.domain.request import Request
from sayso_bot.testing.samples import a_request
from unit.slack.slack_office import PLACE, Office

ANA = "slack:T0TEAM/U0ANA"
APPROVERS = (ANA, "slack:T0TEAM/U0GUEST")
SEEN, UNSEEN = "payments.refund", "no request with this id that you may see"
NOBODIES = {
    "U0GUEST": "Guests see only",
    "U0BOT2": "Bots do not decide",
    "U0GONE": "deactivated",
    "U0AWAY": "another workspace",
    "U0NOBODY": "does not know your account",
}


async def opened(office: Office, user: str, *, count: int = 1, **other: Any) -> str:
    """What is on the home tab of ``user`` once they opened it."""
    status, _ = await deliver(office.url, home_opened(user, team=office.slack.team, **other), office.slack.signed)
    assert status == 200
    await office.slack.until_called("views.publish", count=count)
    return office.slack.home_words(user)


async def said(office: Office, text: str, *, user: str = "U0ANA", team: str = "T0TEAM") -> Json:
    """The answer to ``/sayso text``."""
    status, answer = await deliver(office.url, command(text, user=user, team=team), office.slack.signed)
    assert status == 200
    assert answer_faults(answer) == []
    found: Json = answer
    return found


def words(answer: Json) -> str:
    return "\n".join(texts(answer["blocks"]))


async def used(office: Office, payload: Json, *, updates: int = 1) -> Dialog:
    """The dialog that a shortcut or a button opens, once it is filled."""
    status, _ = await deliver(office.url, payload, office.slack.signed)
    assert status == 200
    dialog = await office.slack.dialog()
    await office.slack.until_called("views.update", count=updates)
    assert view_faults(dialog.view) == []
    return dialog


def pressed(office: Office, action: str, about: str, *, user: str = "U0ANA", view: Json | None = None) -> Json:
    return list_tap(action, about, user=user, team="T0TEAM", trigger=office.slack.trigger(user), view=view)


def asked(office: Office, action: str = SEEN, **changes: Any) -> Request:
    request = a_request(PLACE, action=action, **changes)
    office.desk.ask(request)
    return request


def buttons(answer: Json) -> list[Json]:
    within = [e for block in answer["blocks"] if block["type"] == "actions" for e in block["elements"]]
    return within + [block["accessory"] for block in answer["blocks"] if "accessory" in block]
