"""What Slack refuses in a message: the documented limits of Block Kit, and the ones that only reports know.

Written from Slack's documentation and issue threads, and independent of the adapter: it must not agree with it by
sharing its code. `refusal` returns Slack's error code, or None.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MAX_BLOCKS = 50
MAX_TOTAL = 13_200  # slackapi/bolt-js#2509: text and containers together
MAX_MESSAGE_TEXT = 40_000
MAX_METADATA = 16_000
RICH_PARTS = {"rich_text_section", "rich_text_preformatted", "rich_text_quote", "rich_text_list"}
STYLES = {"primary", "danger"}
_EVENT_TYPE = re.compile(r"[A-Za-z0-9_.\-]{1,255}\Z")


def refusal(message: Mapping[str, Any], *, unsupported: frozenset[str] = frozenset()) -> str | None:
    """Slack's error code for ``message``. ``unsupported`` names block types that this workspace does not know yet."""
    text, blocks = message.get("text"), message.get("blocks")
    if not text and not blocks:
        return "no_text"
    if isinstance(text, str) and len(text) > MAX_MESSAGE_TEXT:
        return "msg_too_long"
    if blocks is not None:
        if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
            return "invalid_blocks_format"
        if len(blocks) > MAX_BLOCKS or any(True for _ in _faults(blocks, unsupported)):
            return "invalid_blocks"
        if len(json.dumps(blocks, ensure_ascii=False)) > MAX_TOTAL:
            return "msg_blocks_too_long"
    return _metadata_refusal(message.get("metadata"))


def faults(blocks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Everything that Slack would refuse in ``blocks``, in words, for a test's message."""
    return list(_faults(blocks, frozenset())) + ([f"{len(blocks)} blocks"] if len(blocks) > MAX_BLOCKS else [])


def _faults(blocks: Sequence[Mapping[str, Any]], unsupported: frozenset[str]) -> Iterator[str]:
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) != len(set(ids)) or any(len(block_id) > 255 for block_id in ids):
        yield "block ids"
    for block in blocks:
        kind = block.get("type")
        check = _CHECKS.get(str(kind))
        if check is None or kind in unsupported:
            yield f"block type {kind}"
        else:
            yield from check(block)


def _text(found: Any, limit: int, kinds: Sequence[str] = ("plain_text", "mrkdwn")) -> Iterator[str]:
    if not isinstance(found, dict) or found.get("type") not in kinds or not isinstance(found.get("text"), str):
        yield f"not a text: {found}"
    elif not 1 <= len(found["text"]) <= limit:
        yield f"text of {len(found['text'])}"
    elif "emoji" in found and found["type"] != "plain_text":
        yield "emoji on mrkdwn"
    elif "verbatim" in found and found["type"] != "mrkdwn":
        yield "verbatim on plain_text"


def _section(block: Mapping[str, Any]) -> Iterator[str]:
    fields = block.get("fields", [])
    if "text" not in block and not fields:
        yield "empty section"
    if "text" in block:
        yield from _text(block["text"], 3000)
    if len(fields) > 10:
        yield f"{len(fields)} fields"
    for found in fields:
        yield from _text(found, 2000)


def _header(block: Mapping[str, Any]) -> Iterator[str]:
    yield from _text(block.get("text"), 150, ("plain_text",))


def _context(block: Mapping[str, Any]) -> Iterator[str]:
    elements = block.get("elements", [])
    if not 1 <= len(elements) <= 10:
        yield f"{len(elements)} context elements"
    for found in elements:
        yield from _text(found, 3000)


def _actions(block: Mapping[str, Any]) -> Iterator[str]:
    elements = block.get("elements", [])
    ids = [element.get("action_id") for element in elements]
    if not 1 <= len(elements) <= 25 or len(set(ids)) != len(ids):
        yield "action elements"
    for element in elements:
        if element.get("type") != "button" or element.get("style", "primary") not in STYLES:
            yield f"element {element.get('type')} {element.get('style')}"
        if not 1 <= len(element.get("action_id", "x")) <= 255:
            yield "action id"
        if len(element.get("value", "")) > 2000 or len(element.get("url", "")) > 3000:
            yield "button value or url"
        if "url" in element and not element["url"].startswith(("http://", "https://")):
            yield "button url"
        yield from _text(element.get("text"), 75, ("plain_text",))


def _rich_text(block: Mapping[str, Any]) -> Iterator[str]:
    elements = block.get("elements", [])
    if not elements:
        yield "empty rich text"
    for part in elements:
        if part.get("type") not in RICH_PARTS or not part.get("elements"):
            yield f"rich part {part.get('type')}"
            continue
        for leaf in part["elements"]:
            if leaf.get("type") != "text" or not leaf.get("text"):
                yield f"rich leaf {leaf}"
            elif len(leaf["text"]) > 3000:
                yield f"rich text of {len(leaf['text'])}"


def _divider(_: Mapping[str, Any]) -> Iterator[str]:
    return iter(())


_CHECKS = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "rich_text": _rich_text,
    "divider": _divider,
}


def _metadata_refusal(metadata: Any) -> str | None:
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or set(metadata) != {"event_type", "event_payload"}:
        return "invalid_metadata_format"
    if not _EVENT_TYPE.match(str(metadata["event_type"])) or not isinstance(metadata["event_payload"], dict):
        return "invalid_metadata_schema"
    return "metadata_too_large" if len(json.dumps(metadata)) > MAX_METADATA else None
