"""Files that somebody put into a dialog: asked of Slack by their id, fetched with the bot's token, and bounded.

What a payload says of a file but its id is not believed. The token goes to Slack's own host for files alone, a redirect
elsewhere is not followed, and what comes must have the size that Slack named: where the scope is missing Slack answers
with its login page instead of the file.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import urljoin

import aiohttp

from sayso_adapters.slack.modals import FORM, answer
from sayso_adapters.slack.workspaces import Workspace
from sayso_bot.domain.files import MAX_FILE_BYTES, MAX_IN_ANSWER, safe_name, size_text
from sayso_bot.domain.form import Field
from sayso_bot.errors import FileRefused, FileTooLarge, Unavailable
from sayso_bot.ports import AdapterError, Retry, Sending

FETCH_SECONDS = 60.0
READ_BYTES = 64 * 1024
MOST_REDIRECTS = 2
SLACK_FILE = re.compile(r"F[A-Z0-9]{1,30}\Z")
_INBOX = "Answer in the inbox instead."


def chosen(form: Sequence[Field], values: Mapping[str, Any]) -> dict[str, list[str]]:
    """Slack's ids of the files that were put into each field, by the form's own names."""
    return {
        field.name: _ids(answer(values, f"{FORM}{number}").get("files"))
        for number, field in enumerate(form)
        if field.kind == "files"
    }


def _ids(files: Any) -> list[str]:
    found = [file.get("id") for file in files if isinstance(file, dict)] if isinstance(files, list) else []
    return [name for name in found[: MAX_IN_ANSWER + 1] if isinstance(name, str) and SLACK_FILE.match(name)]


async def sending(workspace: Workspace, file_id: str, user: str, operation: str) -> Sending:
    """The file, to be read once. Raises `FileRefused` where it is not ``user``'s own or Slack does not hand it out, and
    `Unavailable` where Slack cannot be asked now.
    """
    try:
        said = (await workspace.call("files.info", file=file_id))["file"]
    except Retry as error:
        raise _later(error.what, error.after) from None
    except AdapterError as error:
        raise FileRefused(f"Slack does not say what the file is ({error.what}). {_INBOX}") from None
    except (KeyError, TypeError):
        raise FileRefused(f"Slack does not say what the file is. {_INBOX}") from None
    if not isinstance(said, dict) or said.get("user") != user or said.get("is_external") is True:
        raise FileRefused("Only a file that you have put into this dialog yourself can be taken.")
    name, size, url = said.get("name"), said.get("size"), said.get("url_private_download")
    if not isinstance(name, str) or isinstance(size, bool) or not isinstance(size, int) or not isinstance(url, str):
        raise FileRefused(f"Slack does not hand out this file. {_INBOX}")
    if size > MAX_FILE_BYTES:
        raise FileTooLarge(f"{safe_name(name)} is too large: a file has at most {size_text(MAX_FILE_BYTES)}.")
    said_type = said.get("mimetype")
    kind = said_type if isinstance(said_type, str) else ""
    return Sending(name, kind, _content(workspace, url, safe_name(name), size), operation, size)


async def _content(workspace: Workspace, url: str, name: str, size: int) -> AsyncIterator[bytes]:
    """Raises `FileRefused` unless exactly ``size`` bytes come, all of them in time and from Slack, and `Unavailable`
    where Slack cannot be asked now.
    """
    until, left = asyncio.get_running_loop().time() + FETCH_SECONDS, size
    try:
        async with asyncio.timeout_at(until):
            reply = await _reply(workspace, url, name)
        try:
            while piece := await _read(reply, until):
                left -= len(piece)
                if left < 0:
                    break
                yield piece
        finally:
            reply.close()
    except (aiohttp.ClientError, OSError):  # a time-out is an OSError too
        raise FileRefused(f"{name} could not be fetched from Slack. Try again, or answer in the inbox.") from None
    if left:
        raise FileRefused(f"What Slack handed out as {name} is not the file (the app may lack files:read). {_INBOX}")


async def _read(reply: aiohttp.ClientResponse, until: float) -> bytes:
    async with asyncio.timeout_at(until):
        return await reply.content.read(READ_BYTES)


async def _reply(workspace: Workspace, url: str, name: str) -> aiohttp.ClientResponse:
    """The answer that holds the file. Raises `FileRefused`, `Unavailable`."""
    for _ in range(MOST_REDIRECTS + 1):
        try:
            reply = await workspace.get(url)
        except Retry as error:
            raise _later(error.what, error.after) from None
        except AdapterError as error:
            raise FileRefused(f"{name} could not be fetched from Slack ({error.what}). {_INBOX}") from None
        if reply.status == 200 and "Content-Encoding" not in reply.headers:
            return reply
        reply.close()
        if reply.status == 429 or reply.status >= 500:
            raise _later(f"http_{reply.status}")
        if reply.status not in (301, 302, 303, 307, 308):
            break
        url = urljoin(url, reply.headers.get("Location", ""))
    raise FileRefused(f"Slack does not hand out {name} (the app may lack the scope files:read). {_INBOX}")


def _later(what: str, after: float | None = None) -> Unavailable:
    return Unavailable(f"Slack cannot be asked for the file now ({what}).", retry_after=after)
