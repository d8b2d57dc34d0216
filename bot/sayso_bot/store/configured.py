"""What is in force, as it lies in the store: keys, the policy's versions, what is routed and paused (``config.lua``).

Counts of the whole book stand here too.
"""

from __future__ import annotations

import asyncio
import secrets

from sayso_bot.domain.notice import Notices
from sayso_bot.domain.pauses import Scope
from sayso_bot.domain.request import Status, from_milliseconds
from sayso_bot.domain.versions import Origin, Version, VersionPage
from sayso_bot.ports import Activation, Epochs, Stored, Totals
from sayso_bot.store.calls import under
from sayso_bot.store.codec import fields_of, key_of, origin_json, version_of_policy
from sayso_bot.store.live import book_pause, channel_of, notice_words, pause_of, route_of
from sayso_bot.store.part import Part


class Configured(Part):
    async def configuration(self, known_digest: str | None) -> Stored:
        keys = self._named("epochs", "keys", "policy", "pause", "routes", "channels", "clock")
        answer = await self._call("configuration", keys, known_digest or "", writes=False)
        _, now, epochs, stored, active, document, lines, of_book, routes, channels = answer
        pauses = tuple(pause_of(line) for line in lines.split("\n") if line)
        if of_book and not any(pause.scope == Scope() for pause in pauses):
            pauses = (book_pause(*of_book), *pauses)
        return Stored(
            epochs=Epochs(*map(int, epochs)),
            keys=tuple(key for key_id, text in fields_of(stored).items() if (key := key_of(key_id, text))),
            policy_digest=active or None,
            document=document or None,
            now=from_milliseconds(int(now)),
            pauses=pauses,
            routes=tuple(map(route_of, routes)),
            channels=tuple(map(channel_of, channels)),
        )

    async def epochs(self) -> Epochs:
        """The counters of what is in force, without what they count."""
        found = await self._plain("HMGET", self.keys["epochs"], "keys", "policy", "routes")
        return Epochs(*(int(counter or 0) for counter in found))

    async def activate(
        self,
        digest: str,
        document: str,
        replaces: str | None,
        where: str,
        origin: Origin | None = None,
        epochs: Epochs | None = None,
        notices: Notices = (),
        operation: str = "",
    ) -> Activation:
        """Put a document in force in place of ``replaces``, once for an ``operation``. ``where`` is for an origin that
        says no place.
        """
        about = origin_json(digest, replaces, origin or Origin(), where)
        operation = operation or f"activate:{secrets.token_hex(8)}"
        keys = self._named("policy", "clock", "epochs", "journal", "places", "blocked")
        words = [digest, document, replaces or "", about, operation, *under(epochs), *notice_words(notices)]
        code, _, found = await self._call("activate", [*keys, *self._notice_keys(notices)], *words)
        if code == "moved":
            return Activation(None, other=str(found))
        return Activation(int(found), changed=code == "ok")

    async def versions(self, *, before: int | None = None, limit: int = 20) -> VersionPage:
        """Each time that a document was put in force, newest first."""
        wanted = "" if before is None else before
        _, active, latest, entries = await self._call("versions", [self.keys["policy"]], wanted, limit, writes=False)
        items = tuple(version_of_policy(entry) for entry in entries)
        if before is None and active and not (items and items[0].digest == active):
            items = (Version(int(latest) + 1, active, None, None, Origin()), *items)  # a Sayso that counted none did it
        return VersionPage(active or None, items, more=bool(items) and items[-1].number > 1)

    async def document(self, digest: str) -> str | None:
        """A document that was in force once."""
        found: str | None = await self._plain("HGET", self.keys["policy"], f"doc:{digest}")
        return found

    async def was_active(self, digest: str) -> bool:
        return bool(await self._plain("HEXISTS", self.keys["policy"], f"doc:{digest}"))

    async def totals(self) -> Totals:
        keys, plain = self.keys, self._plain
        sizes = await asyncio.gather(*(plain("ZCARD", keys.by_status(status)) for status in Status))
        alarms, size, doubles, entries, memory = await asyncio.gather(
            plain("ZCARD", keys["alarms"]),
            plain("HGET", keys["counters"], "bytes"),
            plain("HGET", keys["counters"], "doubles"),
            plain("XLEN", keys["journal"]),
            plain("INFO", "memory"),
        )
        used = int(memory["used_memory"]) if isinstance(memory, dict) else 0
        requests = dict(zip(Status, sizes, strict=True))
        return Totals(requests, int(alarms), int(doubles or 0), int(size or 0), int(entries), used)
