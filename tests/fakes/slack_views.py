"""The dialogs of a workspace: ``views.open`` and its kin, with Slack's limits, and what a person does in one.

A trigger lives three seconds and works once. A view that Slack would refuse is refused. `FakeSlack` mixes this in; what
is submitted goes to the service signed, and its answer is carried out as Slack does.
"""

from __future__ import annotations

import copy
import itertools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp

from fakes.slack_limits import faults
from fakes.slack_workspace import texts

Json = dict[str, Any]

TRIGGER_SECONDS = 3.0
MAX_STACK = 3
MAX_BYTES = 250_000
INPUTS = {
    "plain_text_input",
    "number_input",
    "static_select",
    "multi_static_select",
    "radio_buttons",
    "checkboxes",
    "datepicker",
    "timepicker",
    "datetimepicker",
    "file_input",
}


@dataclass
class Dialog:
    """A view that is open. ``errors`` are what the service's last answer marked."""

    id: str
    user: str
    view: Json
    hash: str
    open: bool = True
    version: int = 0
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        return "\n".join(texts(self.view["blocks"]))

    @property
    def buttons(self) -> list[str]:
        return [e["action_id"] for b in self.view["blocks"] if b["type"] == "actions" for e in b["elements"]]

    @property
    def inputs(self) -> dict[str, Json]:
        return {block["block_id"]: block["element"] for block in self.view["blocks"] if block["type"] == "input"}

    @property
    def submits(self) -> bool:
        return "submit" in self.view


class Dialogs:
    """The part of a stand-in that knows triggers and views."""

    def __init__(self) -> None:
        self.dialogs: list[Dialog] = []
        self._triggers: dict[str, tuple[str, float]] = {}
        self._numbers = itertools.count(1)

    def trigger(self, user: str) -> str:
        made = f"{next(self._numbers)}.1395872398.0f2d1b6c"
        self._triggers[made] = (user, time.monotonic())
        return made

    def open_view(self, arguments: Json) -> Json:
        """``views.open``; an error's code in ``error``."""
        found = self._triggers.get(arguments.get("trigger_id", ""))
        if found is None:
            return {"error": "invalid_trigger_id"}
        user, at = found
        if at < 0:
            return {"error": "exchanged_trigger_id"}
        if time.monotonic() - at > TRIGGER_SECONDS:
            return {"error": "expired_trigger_id"}
        if wrong := view_faults(arguments.get("view") or {}):
            return {"error": "invalid_arguments", "response_metadata": {"messages": wrong}}
        if sum(dialog.open and dialog.user == user for dialog in self.dialogs) >= MAX_STACK:
            return {"error": "push_limit_reached"}
        self._triggers[arguments["trigger_id"]] = (user, -1.0)
        number = next(self._numbers)
        self.dialogs.append(Dialog(f"V{number:05d}", user, arguments["view"], f"{number}.abc"))
        return {"view": {"id": self.dialogs[-1].id}}

    def update_view(self, arguments: Json) -> Json:
        """``views.update``."""
        found = next((d for d in self.dialogs if d.id == arguments.get("view_id") and d.open), None)
        if found is None:
            return {"error": "not_found"}
        if "hash" in arguments and arguments["hash"] != found.hash:
            return {"error": "hash_conflict"}
        if wrong := view_faults(arguments.get("view") or {}):
            return {"error": "invalid_arguments", "response_metadata": {"messages": wrong}}
        self._replace(found, arguments["view"])
        return {"view": {"id": found.id}}

    def _replace(self, dialog: Dialog, view: Json) -> None:
        dialog.view, dialog.errors = view, {}
        dialog.hash = f"{next(self._numbers)}.abc"
        dialog.version += 1

    def shown(self, dialog: Dialog) -> Json:
        """The view as payloads carry it."""
        return {**copy.deepcopy(dialog.view), "id": dialog.id, "hash": dialog.hash, "state": {"values": {}}}

    def carry_out_answer(self, dialog: Dialog, told: Mapping[str, Any] | None) -> None:
        """What Slack does with the answer to a submission."""
        kind = (told or {}).get("response_action")
        if told is None or kind == "clear":
            dialog.open = False
        elif kind == "update":
            assert view_faults(told["view"]) == []
            self._replace(dialog, told["view"])
        elif kind == "errors":
            assert told["errors"], "Slack takes no empty errors"
            assert set(told["errors"]) <= set(dialog.inputs), "an error names an input of the view"
            dialog.errors = dict(told["errors"])
        else:
            raise AssertionError(f"Slack knows no {kind}")


def submission(dialog: Dialog, values: Mapping[str, Any], *, team: str, user: str, shown: Json) -> Json:
    """Slack's payload for this submission. ``values`` are the inputs' answers by block id, as Slack sends each."""
    assert values.keys() <= dialog.inputs.keys(), f"of {sorted(values)} the dialog has only {sorted(dialog.inputs)}"
    state = {
        name: {element["action_id"]: {"type": element["type"], **_answer(element, values.get(name))}}
        for name, element in dialog.inputs.items()
    }
    return {
        "type": "view_submission",
        "team": {"id": team, "domain": "example"},
        "user": {"id": user, "username": user.lower(), "name": user.lower(), "team_id": team},
        "api_app_id": "A0SAYSO",
        "token": "legacyverificationtoken",
        "trigger_id": "1.2.3",
        "view": {**shown, "state": {"values": state}},
        "response_urls": [],
        "is_enterprise_install": False,
        "enterprise": None,
    }


def _answer(element: Json, value: Any) -> Json:
    kind = element["type"]
    if kind in ("static_select", "radio_buttons"):
        return {"selected_option": None if value is None else _option(element, value)}
    if kind in ("multi_static_select", "checkboxes"):
        return {"selected_options": [_option(element, one) for one in value or []]}
    if kind == "file_input":
        return {"files": list(value or [])}
    key = {"datepicker": "selected_date", "timepicker": "selected_time", "datetimepicker": "selected_date_time"}
    if value is None and kind == "plain_text_input":
        value = element.get("initial_value")
    return {key.get(kind, "value"): None if value == "" else value}


def _option(element: Json, text: str) -> Json:
    found: Json = next(option for option in element["options"] if option["text"]["text"] == text)
    return found


async def post_form(service: str, payload: Json, headers: Mapping[str, str], body: str) -> tuple[int, Any]:
    """POST a payload as Slack does; the status and the JSON of the answer, None where it is empty."""
    url = f"{service.rstrip('/')}/slack/events"
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if text else None


def form_of(payload: Json) -> str:
    return urlencode({"payload": json.dumps(payload)})


# --------------------------------------------------------------------------- what Slack refuses in a view


def view_faults(view: Mapping[str, Any]) -> list[str]:
    """Everything that Slack would refuse in ``view``, in words."""
    return list(_faults(view))


def _faults(view: Mapping[str, Any]) -> Iterator[str]:
    if view.get("type") != "modal":
        yield "type"
    for name in ("title", "close", "submit"):
        text = view.get(name)
        if (text is not None or name == "title") and not 1 <= len(str((text or {}).get("text", ""))) <= 24:
            yield f"{name}: {text}"
    blocks = view.get("blocks") or []
    if not 1 <= len(blocks) <= 100:
        yield f"{len(blocks)} blocks"
    if len(view.get("private_metadata", "")) > 3000 or len(view.get("callback_id", "")) > 255:
        yield "metadata or callback id"
    if len(json.dumps(view)) > MAX_BYTES:
        yield "view_too_large"
    inputs = [block for block in blocks if block.get("type") == "input"]
    if inputs and "submit" not in view:
        yield "inputs without submit"
    names = [block.get("block_id") for block in inputs]
    if len(set(names)) != len(names):
        yield "block ids"
    yield from faults([block for block in blocks if block.get("type") != "input"][:50])
    yield from faults([block for block in blocks if block.get("type") != "input"][50:])
    for block in inputs:
        yield from _input(block)


def _input(block: Mapping[str, Any]) -> Iterator[str]:
    element = block.get("element") or {}
    for name in ("label", "hint"):
        if (name in block or name == "label") and not 1 <= len(block.get(name, {}).get("text", "")) <= 2000:
            yield f"{name} of an input"
    if element.get("type") not in INPUTS:
        yield f"input of {element.get('type')}"
    if not 1 <= len(element.get("action_id", "")) <= 255:
        yield "action id"
    if element.get("type") == "plain_text_input":
        initial, longest = element.get("initial_value"), element.get("max_length", 3000)
        if not 1 <= longest <= 3000 or (initial is not None and not 1 <= len(initial) <= longest):
            yield "initial value"
    if element.get("type") == "file_input" and not 1 <= element.get("max_files", 10) <= 10:
        yield "max_files"
    if "options" in element:
        yield from _options(element)


def _options(element: Mapping[str, Any]) -> Iterator[str]:
    options: Sequence[Any] = element["options"]
    most = 10 if element["type"] in ("radio_buttons", "checkboxes") else 100
    if not 1 <= len(options) <= most:
        yield f"{len(options)} options"
    values = [option["value"] for option in options]
    if len(set(values)) != len(values) or any(not 1 <= len(value) <= 150 for value in values):
        yield "option values"
    if any(not 1 <= len(option["text"]["text"]) <= 75 for option in options):
        yield "option texts"
