"""What is in force in this process: keys, policy, routes and pauses, with the epochs under which they were read.

Every function call names those epochs and is refused when they have moved, so a revoked key or a new policy takes
effect at once on every replica, whatever this process has heard. Reading again is one look, shared by all who ask at
the same time. A long policy takes seconds to be compiled; meanwhile keys, routes and pauses go on being read, and only
what goes by the policy waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from sayso_bot.domain.key import Key, secret_digest
from sayso_bot.domain.pauses import Pause, pause_over
from sayso_bot.domain.policy import Asked, ExplainedNow, Placement, Verdict, placement, routed
from sayso_bot.domain.request import from_milliseconds
from sayso_bot.domain.routing import NO_ROUTES, LiveChannel, Routing
from sayso_bot.errors import Unavailable, Unusable
from sayso_bot.ports import Epochs, Log, PolicyEngine, Store

LOOK_AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Unread:
    """A document that is active and not compiled yet, and the epoch at which it was seen to be."""

    digest: str
    document: str
    epoch: int | None


class ActiveConfiguration:
    """``compile`` turns a document into an engine, raising `Unusable`; ``built_in`` is used while none is active."""

    def __init__(
        self, store: Store, built_in: PolicyEngine, compile_policy: Callable[[str], PolicyEngine], log: Log
    ) -> None:
        self._store = store
        self._built_in = built_in
        self._compile = compile_policy
        self._log = log
        self._epochs = Epochs(-1, -1)
        self._policy: PolicyEngine | None = built_in
        self._routing = NO_ROUTES
        self._channels: dict[str, LiveChannel] = {}
        self._pauses: tuple[Pause, ...] = ()
        self._read_at = from_milliseconds(0)
        self._used: set[str] = set()
        self._on_dropped: Callable[[frozenset[str]], None] = lambda _: None
        self._on_turned: Callable[[], None] = lambda: None
        self._by_id: dict[str, Key] = {}
        self._by_digest: dict[str, Key] = {}
        self._unread: _Unread | None = None
        self._lock, self._compiling = asyncio.Lock(), asyncio.Lock()
        self._begun = self._done = 0
        self._failure: Unavailable | None = None
        self._looked_at = float("-inf")

    @property
    def epochs(self) -> Epochs:
        return self._epochs

    @property
    def policy(self) -> PolicyEngine:
        """Raises `Unavailable` where this replica cannot use the active document: then it decides nothing."""
        if self._policy is None:
            raise Unavailable("The active policy cannot be read by this replica. An operator must upgrade it.")
        return self._policy

    @property
    def is_built_in(self) -> bool:
        return self._policy is self._built_in

    @property
    def keys(self) -> tuple[Key, ...]:
        return tuple(self._by_id.values())

    @property
    def routing(self) -> Routing:
        return self._routing

    @property
    def channels(self) -> Mapping[str, LiveChannel]:
        return self._channels

    @property
    def pauses(self) -> tuple[Pause, ...]:
        return self._pauses

    @property
    def read_at(self) -> datetime:
        return self._read_at

    def on_dropped(self, callback: Callable[[frozenset[str]], None]) -> None:
        """Call ``callback`` with the ids of keys that were in force here and are not any more."""
        self._on_dropped = callback

    def on_turned(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when something is paused, resumed or routed otherwise than it was here."""
        self._on_turned = callback

    def used(self) -> frozenset[str]:
        """The ids of keys that callers came with since this was asked last."""
        used, self._used = self._used, set()
        return frozenset(used)

    def key(self, key_id: str) -> Key | None:
        return self._by_id.get(key_id)

    def placed(self, asked: Asked, verdict: Verdict) -> Placement | None:
        """The one answer to where a request is asked: submissions and explanations both come here."""
        found = placement(verdict)
        if found is None or not self._routing:
            return found
        route = self._routing.of(asked.action)
        return found if route is None or route.place == found.place else routed(route)

    def explained(self, asked: Asked) -> ExplainedNow:
        """What the policy in force makes of an ask, and what becomes of it now."""
        found = self.policy.explain(asked)
        paused = pause_over(self._pauses, asked.agent, asked.action)
        return ExplainedNow(found, self.placed(asked, found.verdict), paused)

    async def find(self, secret: str) -> Key | None:
        """The key with this secret, unless it is unknown or revoked.

        An unknown secret may be a new key's that nobody has told us of: look again before it is refused. All look
        together every `LOOK_AGAIN_SECONDS` at most, so that a flood of bad keys costs next to nothing.
        """
        digest = secret_digest(secret)
        if digest not in self._by_digest:
            clock = asyncio.get_running_loop().time
            async with self._lock:  # what is being read just now may know it
                wait = self._looked_at + LOOK_AGAIN_SECONDS - clock()
            if wait > 0 and digest not in self._by_digest:
                await asyncio.sleep(wait)
            if digest not in self._by_digest:
                self._looked_at = clock()
                await self.look()
        if (found := self._by_digest.get(digest)) is not None:
            self._used.add(found.id)
        return found

    async def refresh(self) -> None:
        """Read the configuration as it is now or later. Raises `Unavailable`; what was in force then stays."""
        await self.look()
        async with self._compiling:
            while (unread := self._unread) is not None:
                engine = await self._compiled(unread.digest, unread.document)
                if self._unread is not None and self._unread.digest == unread.digest:
                    self._take(engine, self._unread.epoch)

    async def look(self) -> None:
        """The same, without waiting for a policy that is not compiled yet. Raises `Unavailable`.

        All who ask while one look is under way share the next one.
        """
        wanted = self._begun + 1
        async with self._lock:
            if self._done < wanted:
                self._begun += 1
                number = self._begun
                try:
                    self._failure = None
                    await self._read()
                except Unavailable as error:
                    self._failure = error
                self._done = number  # a look that was cut short by its caller's end counts for nobody
            if self._failure is not None:
                raise Unavailable(self._failure.detail, retry_after=self._failure.retry_after)

    async def stands(self, epochs: Epochs) -> bool:
        now = await self._store.epochs()
        return epochs.keys == now.keys and epochs.policy in (None, now.policy)

    async def _read(self) -> None:
        unread = self._unread
        stored = await self._store.configuration(unread.digest if unread else self._compiled_digest)
        valid = [key for key in stored.keys if key.revoked_at is None and not _is_over(key.lapses_at, stored.now)]
        dropped = self._by_id.keys() - {key.id for key in valid}
        turned = (self._pauses, self._epochs.routes) != (stored.pauses, stored.epochs.routes)
        self._by_id = {key.id: key for key in valid}
        self._by_digest = {key.digest: key for key in valid}
        self._routing = Routing(route for route in stored.routes if not _is_over(route.until, stored.now))
        self._channels = {channel.name: channel for channel in stored.channels}
        self._pauses = stored.pauses
        self._epochs, self._read_at = replace(stored.epochs, policy=self._epochs.policy), stored.now
        if dropped:
            self._on_dropped(frozenset(dropped))
        if turned:
            self._on_turned()
        if stored.policy_digest is None:
            self._take(self._built_in, stored.epochs.policy)
        elif stored.policy_digest == self._compiled_digest:
            self._take(self._policy, stored.epochs.policy)
        elif document := stored.document or (unread.document if unread else None):
            self._unread = _Unread(stored.policy_digest, document, stored.epochs.policy)

    @property
    def _compiled_digest(self) -> str | None:
        return None if self._policy is None or self.is_built_in else self._policy.digest

    def _take(self, engine: PolicyEngine | None, epoch: int | None) -> None:
        self._policy, self._unread = engine, None
        self._epochs = replace(self._epochs, policy=epoch)

    async def _compiled(self, digest: str, document: str) -> PolicyEngine | None:
        try:
            engine = await asyncio.to_thread(self._compile, document)  # a long policy takes seconds
        except Unusable:
            self._log.error("policy_unusable", digest=digest)
            return None
        self._log.info("policy_in_force", digest=digest)
        return engine


def _is_over(end: datetime | None, now: datetime) -> bool:
    return end is not None and end <= now
