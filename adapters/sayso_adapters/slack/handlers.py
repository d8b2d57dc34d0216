"""What Slack sends, sorted by kind and handed to whoever handles it: the same for HTTP and for a socket.

A payload is taken here only after it was proved to be Slack's. One whose shape is not Slack's, or of a kind that nobody
handles, is `NotOffered`. A handler that returns has recorded or refused what was asked; one that raises `Unavailable`
has not, and Slack must not be told that all is well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, TypeAlias

Body: TypeAlias = Mapping[str, Any]
Told: TypeAlias = Mapping[str, Any]
Kind: TypeAlias = Literal["action", "view", "shortcut", "event", "command"]


class NotOffered(Exception):
    """Nobody here handles such a payload."""


async def not_offered(_: Body) -> NoReturn:
    raise NotOffered


@dataclass(frozen=True, slots=True)
class Handlers:
    """One handler for each kind of payload.

    ``on_action`` is given taps (``block_actions`` whose first action has an id); ``on_view`` what was done to a modal
    (``view_submission`` and ``view_closed``), and may answer with a ``response_action``; ``on_command`` a slash
    command's form, and may answer with a message; ``on_shortcut`` global and message shortcuts (``shortcut``,
    ``message_action``); ``on_event`` the whole ``event_callback``, whose ``event`` has a type.
    """

    on_action: Callable[[Body], Awaitable[None]] = not_offered
    on_view: Callable[[Body], Awaitable[Told | None]] = not_offered
    on_command: Callable[[Body], Awaitable[Told | None]] = not_offered
    on_shortcut: Callable[[Body], Awaitable[None]] = not_offered
    on_event: Callable[[Body], Awaitable[None]] = not_offered

    async def take(self, body: object) -> Told | None:
        """Handle one payload; returns what Slack is to be answered beside the acknowledgement.

        Raises `NotOffered`, and what the handler raises.
        """
        if not isinstance(body, Mapping):
            raise NotOffered
        match kind_of(body):
            case "action":
                await self.on_action(body)
            case "view":
                return await self.on_view(body)
            case "shortcut":
                await self.on_shortcut(body)
            case "event":
                await self.on_event(body)
            case "command":
                return await self.on_command(body)
            case None:
                raise NotOffered
        return None


def kind_of(body: object) -> Kind | None:
    """Of which kind a payload is, or None where its shape is none that Slack sends us."""
    match body:
        case {"type": "block_actions", "actions": [{"action_id": str()}, *_]}:
            return "action"
        case {"type": "view_submission" | "view_closed", "view": {"type": str(), "callback_id": str()}}:
            return "view"
        case {"type": "shortcut" | "message_action", "callback_id": str()}:
            return "shortcut"
        case {"type": "event_callback", "event": {"type": str()}}:
            return "event"
        case {"command": str(), **other} if "type" not in other:
            return "command"
    return None
