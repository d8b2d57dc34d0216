"""The functions of `office.lua` and `pause.lua`, and those of `config.lua` that change keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson

from sayso_bot.domain.admin import Admin
from sayso_bot.domain.json import dumps
from sayso_bot.domain.key import Key
from sayso_bot.domain.notice import Notices
from sayso_bot.domain.pauses import Pause, Scope
from sayso_bot.domain.request import Moved, Outline, from_milliseconds
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.ports import (
    AlongCode,
    Epochs,
    Illness,
    KeyChange,
    KeysCode,
    PauseAnswer,
    PlaceChange,
    PlacesAnswer,
)
from sayso_bot.store.calls import under
from sayso_bot.store.codec import key_json
from sayso_bot.store.live import (
    channel_json,
    milliseconds,
    moved_json,
    notice_words,
    pause_json,
    pause_of,
    route_json,
)
from sayso_bot.store.part import Part

MOST_OF_A_KIND = 500
MOST_PAUSES = 50


class RedisOffice(Part):
    """`sayso_bot.ports.OfficeStore` for one book, and what its workers need."""

    # ------------------------------------------------------------------ routes and channels

    async def change_places(
        self,
        changes: Sequence[PlaceChange],
        notices: Notices,
        *,
        version: int | None,
        what: str,
        operation: str,
        epochs: Epochs | None,
    ) -> PlacesAnswer:
        shared = ("routes", "channels", "clock", "epochs", "journal", "places", "blocked")
        keys = [*self._named(*shared), self._deed(operation), *self._notice_keys(notices)]
        code, _, *rest = await self._call(
            "change_places", keys, *under(epochs), "" if version is None else version, MOST_OF_A_KIND, what,
            len(changes), *(word for change in changes for word in _change(change)), *notice_words(notices),
        )  # fmt: skip
        return PlacesAnswer(code, int(rest[0]) if rest else 0, rest[1] if len(rest) > 1 else "")

    async def take_along(
        self, request: Outline, to: str, button: str, moved: Moved, by: Admin, *, operation: str, epochs: Epochs | None
    ) -> AlongCode:
        request_id, keys = request.id, self.keys
        about = dumps({"from": request.place or "inbox", "to": to, "why": moved.why, "by": by.about()})
        given = [
            *keys.of_request(request_id, request.agent, request.place),
            keys.work(to),
            keys.post(request_id, to),
            keys.button(button),
            self._deed(operation),
        ]
        code, *_ = await self._call(
            "take_along", given, *under(epochs), request_id, request.place, to, button, moved_json(moved), about
        )
        found: AlongCode = code
        return found

    # ------------------------------------------------------------------ pauses

    async def pause(self, pause: Pause, notices: Notices, *, operation: str, epochs: Epochs | None) -> PauseAnswer:
        about = dumps({"scope": str(pause.scope), "why": pause.why, "by": pause.by.about(), "pause": pause.id})
        code, _, *rest = await self._call(
            "pause", self._pause_keys(operation, notices), *under(epochs), str(pause.scope), pause_json(pause),
            pause.by.name, pause.why, about, MOST_PAUSES, *notice_words(notices),
        )  # fmt: skip
        return PauseAnswer(code, pause_of(rest[0]) if rest and rest[0] else None)

    async def resume(
        self,
        pause_id: str,
        scope: Scope,
        by: Admin,
        ending: Pause | None,
        notices: Notices,
        *,
        operation: str,
        epochs: Epochs | None,
    ) -> PauseAnswer:
        before = ending and {"by": ending.by.about(), "why": ending.why, "pause": ending.id}
        about = dumps({"scope": str(scope), "before": before, "by": by.about()})
        keys = self._pause_keys(operation, notices)
        words = [*under(epochs), pause_id, str(scope), about, *notice_words(notices)]
        code, _, *rest = await self._call("resume", keys, *words)
        return PauseAnswer(code, pause_of(rest[0]) if rest and rest[0] else None)

    async def want(self, request_id: str, agent: str, place: str) -> None:
        await self._call("want", self.keys.of_request(request_id, agent, place), request_id)

    async def to_repaint(self) -> Mapping[Scope, str]:
        """The scopes whose cards are to be looked at, each with the epoch of the look and the cursor to go on from."""
        return {Scope.parse(scope): cursor for scope, cursor in (await self._hash("repaint")).items()}

    async def repainted(self, scope: Scope, looked: str, cursor: str | None) -> None:
        """A look that was at ``looked`` is at ``cursor`` now, or (None) over."""
        until = f"{looked.partition(' ')[0]} {cursor}" if cursor else ""
        await self._call("repainted", [self.keys["repaint"]], str(scope), looked, until)

    # ------------------------------------------------------------------ keys

    async def put_keys(self, changes: Sequence[KeyChange], epochs: Epochs | None) -> KeysCode:
        words = [
            word
            for change in changes
            for word in (
                change.key.id, key_json(change.key), change.kind, dumps(change.journal), "1" if change.new else ""
            )
        ]  # fmt: skip
        code, *_ = await self._call(
            "put_keys", self._named("keys", "clock", "epochs", "journal"), *under(epochs), *words
        )
        found: KeysCode = code
        return found

    async def lapse_keys(self, lapsing: Sequence[tuple[Key, Key]]) -> int:
        """Of each key that lapses, and what it is then: revoke those whose time is over. How many were."""
        words = [
            word
            for key, revoked in lapsing
            if key.lapses_at is not None
            for word in (
                key.id,
                milliseconds(key.lapses_at),
                key_json(revoked),
                dumps({"key": key.id, "name": key.name}),
            )
        ]
        answer = await self._call("lapse_keys", self._named("keys", "clock", "epochs", "journal"), *words)
        return int(answer[2])

    async def note_use(self, key_ids: Sequence[str]) -> None:
        await self._call("note_use", self._named("used", "clock"), *key_ids)

    async def last_used(self) -> Mapping[str, datetime]:
        return {key_id: from_milliseconds(int(at)) for key_id, at in (await self._hash("used")).items()}

    # ------------------------------------------------------------------ places that are ill

    async def reported(self) -> Sequence[Illness]:
        read = {place: orjson.loads(text) for place, text in (await self._hash("reported")).items()}
        return [Illness(place, each["what"], from_milliseconds(each["since"])) for place, each in sorted(read.items())]

    async def report(self, place: str, what: str) -> bool:
        keys, kept = self._named("reported", "clock", "journal"), dumps({"what": what}) if what else ""
        code, *_ = await self._call("report", keys, place, kept, dumps({"place": place, "what": what}))
        return bool(code == "ok")

    # ------------------------------------------------------------------ what admins are told once

    async def told(self, fact: str) -> str:
        found: str | None = await self._plain("HGET", self.keys["told"], fact)
        return found or ""

    async def all_told(self) -> Mapping[str, str]:
        return await self._hash("told")

    async def tell(self, fact: str, value: str, before: str | None, notices: Notices) -> bool:
        keys = [*self._named("told", "clock", "places", "blocked"), *self._notice_keys(notices)]
        last = "*" if before is None else before
        code, *_ = await self._call("tell", keys, fact, value, last, *notice_words(notices))
        return bool(code == "ok")

    # ------------------------------------------------------------------ mechanics

    async def claim(self, operation: str, digest: str) -> bool:
        code, *_ = await self._call("claim", [self._deed(f"claim {operation}")], digest)
        return bool(code == "ok")

    async def answered(self, operation: str) -> bool:
        return bool(await self._plain("EXISTS", self._deed(operation)))

    def _pause_keys(self, operation: str, notices: Notices) -> list[str]:
        shared = self._named("pause", "clock", "epochs", "journal")
        rest = self._named("repaint", "places", "blocked")
        return [*shared, self._deed(operation), *rest, *self._notice_keys(notices)]

    def _deed(self, operation: str) -> str:
        return self.keys.deed(operation)


def _change(change: PlaceChange) -> tuple[str | bytes | int, ...]:
    value, until = change.value, None
    if isinstance(value, LiveRoute):
        text, until = route_json(value), value.until
    else:
        text = b"" if value is None else channel_json(value)
    ends = "" if until is None else milliseconds(until)
    return change.of, change.name, text, ends, change.kind, dumps(change.journal)
