"""The app's package, from which Teams installs it: its manifest and two icons, in one file to upload.

It asks for no permission beyond hearing what is said to the bot, and for nothing of Microsoft Graph. The same bot gives
the same package, byte for byte.
"""

from __future__ import annotations

import io
import json
import re
import struct
import uuid
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

SCHEMA = "https://developer.microsoft.com/json-schemas/teams/v1.29/MicrosoftTeams.schema.json"
SCOPES = ("team", "groupChat", "personal")
COLOUR = "#1F2A37"
_COMMANDS = {
    "pending": "What waits for you",
    "show": "One request as it stands: show req_…",
    "routes": "Where each kind of action goes",
    "help": "What you can ask",
}
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_MADE = (2026, 1, 1, 0, 0, 0)

Pixel = tuple[int, int, int, int]
_CLEAR: Pixel = (0, 0, 0, 0)
_WHITE: Pixel = (255, 255, 255, 255)


def package(bot_id: str, public_url: str, version: str) -> bytes:
    """The zip file to upload, for the bot with this app id."""
    made = json.dumps(manifest(bot_id, public_url, version), indent=2, ensure_ascii=False).encode() + b"\n"
    files = {"manifest.json": made, "color.png": png(192, _colour), "outline.png": png(32, _outline)}
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _MADE), content, zipfile.ZIP_DEFLATED)
    return whole.getvalue()


def manifest(bot_id: str, public_url: str, version: str) -> dict[str, Any]:
    address = public_url.rstrip("/")
    found = _VERSION.match(version)
    return {
        "$schema": SCHEMA,
        "manifestVersion": "1.29",
        "version": ".".join(found.groups()) if found else "1.0.0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"sayso:{bot_id}")),
        "developer": {
            "name": "Sayso",
            "websiteUrl": address,
            "privacyUrl": f"{address}/inbox",
            "termsOfUseUrl": f"{address}/inbox",
        },
        "name": {"short": "Sayso", "full": "Sayso: people decide what AI agents do"},
        "description": {
            "short": "Asks people before an AI agent acts, and takes their answer.",
            "full": (
                "AI agents ask before they act. Sayso shows what would be done, to those who may decide it, and gives"
                " the agent their answer. Write help to it for what it can be asked."
            ),
        },
        "icons": {"color": "color.png", "outline": "outline.png"},
        "accentColor": COLOUR,
        "bots": [
            {
                "botId": bot_id,
                "scopes": list(SCOPES),
                "isNotificationOnly": False,
                "supportsFiles": False,
                "commandLists": [
                    {
                        "scopes": list(SCOPES),
                        "commands": [{"title": title, "description": said} for title, said in _COMMANDS.items()],
                    }
                ],
            }
        ],
        "permissions": ["identity", "messageTeamMembers"],
        "validDomains": [],
    }


# --------------------------------------------------------------------------- icons


def png(size: int, at: Callable[[float, float], Pixel]) -> bytes:
    """A square picture; ``at`` gives the colour at a place between 0 and 1 across and down."""
    lines = bytearray()
    for row in range(size):
        lines.append(0)
        for column in range(size):
            lines += bytes(at((column + 0.5) / size, (row + 0.5) / size))
    head = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(bytes(lines), 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _is_tick(x: float, y: float, thick: float) -> bool:
    """Whether a place is on the tick that stands for an approval."""
    return _is_near(x, y, (0.26, 0.52), (0.43, 0.69), thick) or _is_near(x, y, (0.43, 0.69), (0.75, 0.33), thick)


def _is_near(x: float, y: float, start: tuple[float, float], end: tuple[float, float], most: float) -> bool:
    across, down = end[0] - start[0], end[1] - start[1]
    along = ((x - start[0]) * across + (y - start[1]) * down) / (across**2 + down**2)
    along = min(1.0, max(0.0, along))
    return (x - start[0] - along * across) ** 2 + (y - start[1] - along * down) ** 2 <= most**2


def _colour(x: float, y: float) -> Pixel:
    red, green, blue = (int(COLOUR[start : start + 2], 16) for start in (1, 3, 5))
    return _WHITE if _is_tick(x, y, 0.055) else (red, green, blue, 255)


def _outline(x: float, y: float) -> Pixel:
    return _WHITE if _is_tick(x, y, 0.06) else _CLEAR
