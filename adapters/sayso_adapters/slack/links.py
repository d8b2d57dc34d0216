"""The links with which workspaces install the app; the shelf knows them by their SHA-256."""

from __future__ import annotations

import hashlib
import json
import secrets

from sayso_bot.ports import Shelf

INSTALL_PATH = "/slack/install"
LIFE_SECONDS = 10 * 60


async def make_link(shelf: Shelf, public_url: str, *, workspace: str = "") -> str:
    """A link with which one workspace can be installed, within ten minutes; only ``workspace`` (an id) if given."""
    link = secrets.token_urlsafe(32)
    record = json.dumps({"workspace": workspace}).encode()
    await shelf.put(f"link/{digest(link)}", record, ttl_seconds=LIFE_SECONDS)
    return f"{public_url.rstrip('/')}{INSTALL_PATH}?link={link}"


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
