"""What Slack sends us over HTTP: proved to be Slack's before any of it is read, then handed to Bolt.

A checklist, each failure with its own answer: our clock is right (503), the body is not too large (413), is whole and
UTF-8 (400), carries Slack's signature (401), can be read (400), is something that we asked for (404). Bolt alone would
answer 500 to half of these, would log the whole body of a forgery, and would read a command as empty in which somebody
wrote the word payload. What Slack signed is believed to come from Slack, and not to come from an approver.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_sdk.signature import SignatureVerifier

from sayso_adapters.callbacks import Refusals, body_of
from sayso_adapters.slack.bolt import Dispatcher
from sayso_adapters.slack.settings import SlackSettings
from sayso_bot.ports import AdapterContext

MAX_BODY = 1024 * 1024
READ_SECONDS = 10.0
HEADERS = ("content-type", "x-slack-signature", "x-slack-request-timestamp")
LONGEST_TIMESTAMP = 12
MAX_FIELDS = 100


class Callbacks:
    """The handler of ``/slack/events``: a payload is acknowledged when it is recorded or refused.

    Where it is neither the answer is 503, at which Slack tells the person that something went wrong.
    """

    def __init__(self, settings: SlackSettings, context: AdapterContext, dispatcher: Dispatcher) -> None:
        self._context = context
        self._verifier = SignatureVerifier(settings.signing_secret)
        self._dispatcher = dispatcher
        self._refusals = Refusals(context.log, "slack")

    async def receive(self, http_request: web.Request) -> web.StreamResponse:
        if not self._context.clock_is_right():
            return web.Response(status=503, headers={"Retry-After": "30"})
        try:
            body = await body_of(http_request, MAX_BODY, READ_SECONDS)
        except (TimeoutError, ConnectionError):
            return self._refusals.answer(400, "not_whole")
        if body is None:
            return self._refusals.answer(413, "too_large")
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            return self._refusals.answer(400, "not_utf8")
        headers = {name: http_request.headers.get(name, "") for name in HEADERS}
        if not self._is_genuine(text, headers):
            return self._refusals.answer(401, "bad_signature")
        try:
            payload = _payload(text, headers["content-type"])
        except (ValueError, RecursionError):
            return self._refusals.answer(400, "unreadable")
        if isinstance(payload, dict) and payload.get("type") == "url_verification":
            challenge = payload.get("challenge")
            return (
                web.json_response({"challenge": challenge}) if isinstance(challenge, str) else web.Response(status=404)
            )
        return await to_aiohttp_response(await self._dispatcher.dispatch(payload))

    def _is_genuine(self, text: str, headers: Mapping[str, str]) -> bool:
        """Slack's v0 HMAC over body and time, five minutes either way. Odd header values are refused, not compared."""
        timestamp, signature = headers["x-slack-request-timestamp"], headers["x-slack-signature"]
        if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > LONGEST_TIMESTAMP:
            return False
        return signature.isascii() and self._verifier.is_valid(text, timestamp, signature)


def _payload(text: str, content_type: str) -> Any:
    """The JSON that a body is or carries in its field ``payload``, else the form itself. Raises `ValueError`."""
    if text.startswith("{") or content_type.startswith("application/json"):
        return json.loads(text)
    form = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS))
    return json.loads(form["payload"]) if "payload" in form else form
