"""What an adapter on the agents' side is given: agents prove themselves with a key, and meet the desk as at our API.

Such an adapter translates another API's calls into what `POST /v1/requests` takes, and a request back into what its
clients know. It decides nothing: policy, quotas, idempotency and records are the desk's, and no key ever votes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from sayso_bot.domain.files import File
from sayso_bot.domain.json import Json
from sayso_bot.domain.key import Key
from sayso_bot.domain.request import Request
from sayso_bot.errors import SaysoError
from sayso_bot.ports.files import Filed, Sending
from sayso_bot.ports.given import Log, Mount
from sayso_bot.ports.values import Submitted


class AgentDesk(Protocol):
    """The desk for a proved ``key``. Every call takes from the key's bucket and checks the key anew.

    Raises `sayso_bot.errors`: `RateLimited` first, `Unauthenticated` where the key was revoked, and `NotFound` for an
    unknown id and another agent's alike.
    """

    async def submit(
        self,
        key: Key,
        body: Mapping[str, Json],
        *,
        idempotency_key: str | None = None,
        approver: str | None = None,
    ) -> Submitted:
        """Ask for what ``body`` says, in the form of `POST /v1/requests`, within the same bounds.

        ``approver`` is the address of whom the agent would like to decide. It gives nobody a right: where the rule does
        not let them decide, that is `Forbidden` and nothing is made.
        """
        ...

    async def read(self, key: Key, request_id: str, *, wait: float = 0.0) -> Request:
        """The agent's own request; held for its decision for ``wait`` seconds at most."""
        ...

    async def cancel(self, key: Key, request_id: str) -> Request: ...

    async def attach(self, key: Key, request_id: str, sending: Sending) -> Filed:
        """Attach a file for people to read, while nobody has answered. A file takes a token for each MiB."""
        ...

    async def open_file(self, file: File) -> AsyncIterator[bytes]:
        """What a file holds, of a request that `read` gave."""
        ...


Prove: TypeAlias = Callable[[Any], Awaitable[Key]]
"""The key of an aiohttp request, from its Authorization header. Raises `Unauthenticated`."""
ReadJson: TypeAlias = Callable[[Any], Awaitable[Json]]
"""The JSON of an aiohttp request's body, as strictly and within the same bounds as our own API. Raises `Invalid`."""
Refused: TypeAlias = Callable[[Key | None, str, SaysoError], Awaitable[None]]
"""Count a refusal of the named call, and put it on the record where a key was proved. Call it for each error."""


@dataclass(frozen=True, slots=True)
class AgentContext:
    """All that an adapter on the agents' side is given. ``public_url`` is the address that people and agents use;
    ``review_url`` gives the inbox's address of a request. ``settings`` holds environment variables. ``clock_is_right``
    is False while this process's clock disagrees with Redis's: then nothing is told by it.
    """

    desk: AgentDesk
    prove: Prove
    read_json: ReadJson
    refused: Refused
    mount: Mount
    public_url: str
    review_url: Callable[[str], str]
    settings: Mapping[str, str]
    log: Log
    clock_is_right: Callable[[], bool]


class AgentAdapter(Protocol):
    """Another way in for agents. Its routes are mounted when it is made; ``name`` is the first part of their paths."""

    @property
    def name(self) -> str: ...


AgentAdapterFactory: TypeAlias = Callable[[AgentContext], AgentAdapter]
