"""The stand-in refuses what Slack refuses, and runs alone."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aiohttp
import pytest

from fakes import slack as stand_in
from fakes.slack_limits import refusal

LONG = {"type": "section", "text": {"type": "plain_text", "text": "x" * 2900}}


def text(length: int, kind: str = "plain_text") -> dict[str, str]:
    return {"type": kind, "text": "x" * length}


@pytest.mark.parametrize(
    ("blocks", "code"),
    [
        ([{"type": "section", "text": text(3000)}], None),
        ([{"type": "section", "text": text(3001)}], "invalid_blocks"),
        ([{"type": "section", "fields": [text(2000)] * 4}], None),
        ([{"type": "section", "fields": [text(2001)]}], "invalid_blocks"),
        ([{"type": "section", "fields": [text(1)] * 11}], "invalid_blocks"),
        ([{"type": "section"}], "invalid_blocks"),
        ([{"type": "section", "text": text(0)}], "invalid_blocks"),
        ([{"type": "header", "text": text(151)}], "invalid_blocks"),
        ([{"type": "header", "text": text(9, "mrkdwn")}], "invalid_blocks"),
        ([{"type": "divider"}] * 51, "invalid_blocks"),
        ([{"type": "divider", "block_id": "a"}] * 2, "invalid_blocks"),
        ([{"type": "hologram"}], "invalid_blocks"),
        ([LONG] * 5, "msg_blocks_too_long"),
        ("x", "invalid_blocks_format"),
    ],
)
def test_limits_are_slacks(blocks: object, code: str | None) -> None:
    assert refusal({"text": "x", "blocks": blocks}) == code


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "metadata": {"event_type": "a b", "event_payload": {}}}, "invalid_metadata_schema"),
        ({"text": "x", "metadata": {"event_type": "a"}}, "invalid_metadata_format"),
        ({"text": "x", "metadata": {"event_type": "a", "event_payload": {"x": "y" * 20_000}}}, "metadata_too_large"),
    ],
)
def test_text_and_metadata_have_limits_too(message: dict[str, object], code: str) -> None:
    assert refusal(message) == code


async def test_it_runs_alone_and_says_what_happens() -> None:
    script = Path(stand_in.__file__)
    process = await asyncio.create_subprocess_exec(sys.executable, str(script), stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        settings = json.loads(await process.stdout.readline())
        headers = {"Authorization": f"Bearer {settings['SLACK_BOT_TOKEN']}"}
        async with aiohttp.ClientSession() as session:
            url = f"{settings['SLACK_API_URL']}chat.postMessage"
            async with session.post(url, json={"channel": "C0PAYMENTS", "text": "hello"}, headers=headers) as answer:
                assert (await answer.json())["ok"] is True
            line = json.loads(await process.stdout.readline())
            async with session.get(settings["SLACK_API_URL"].replace("/api/", "/stand-in/messages")) as answer:
                assert [found["ts"] for found in await answer.json()] == [line["ts"]]
        assert line["text"] == "hello"
    finally:
        process.terminate()
        await process.wait()
