"""Keys of agents, executors and admins: made, replaced with an overlap, revoked.

A secret is told by the call that made its key. The key's id comes from the operation, so a call that is repeated finds
the key instead of making another; it is not told the secret, which nobody knows any more.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sayso_bot.domain.deeds import Call, Done, Effect, KeyMade, MakeKey, RevokeKey, RotateKey
from sayso_bot.domain.globs import ACTION_PATTERN
from sayso_bot.domain.key import KINDS, Key, new_secret, secret_digest
from sayso_bot.domain.policy import format_duration
from sayso_bot.domain.request import NAME
from sayso_bot.domain.text import one_line
from sayso_bot.errors import InvalidField, NoEffect, NotFound
from sayso_bot.office.rooms import Proved, Tools
from sayso_bot.ports import Again, KeyChange

MAX_OVERLAP_SECONDS = 30 * 86400
MAX_PATTERNS = 50
_EMAIL = re.compile(r"[^\s@:,<>\"]{1,64}@[^\s@:,<>\"]{1,190}\Z")


class Keyring:
    deeds = (MakeKey, RotateKey, RevokeKey)
    versioned = False

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def was_done(self, call: Call) -> bool:
        return await self._key(_id(call)) is not None

    async def preview(self, deed: MakeKey | RotateKey | RevokeKey) -> Effect:
        version = self._tools.version
        match deed:
            case MakeKey():
                _check(deed)
                may = ", ".join(deed.actions)
                return Effect("Make a key", (f"{deed.name} may {_kinds(deed.kinds)} for {may}.",), (), version)
            case RotateKey():
                old = await self._valid(deed.key)
                until = format_duration(deed.overlap_seconds) if deed.overlap_seconds else "no time"
                line = f"A new key like {old.id} of {old.name}, which goes on working for {until}."
                return Effect("Rotate a key", (line,), (), version)
            case RevokeKey():
                if (key := await self._key(deed.key)) is None:
                    raise _no_key()
                line = f"{key.id} of {key.name} is refused at once, everywhere. Its held calls end; its requests stay."
                return Effect("Revoke a key", (line,), (), version)

    async def carry_out(self, deed: MakeKey | RotateKey | RevokeKey, by: Proved, call: Call) -> Done:
        match deed:
            case MakeKey():
                return await self._make(deed, by, call)
            case RotateKey():
                return await self._rotate(deed, by, call)
            case RevokeKey():
                return await self._revoke(deed, by)

    async def _make(self, deed: MakeKey, by: Proved, call: Call) -> Done:
        _check(deed)
        secret = new_secret(self._tools.book)
        made_at = self._tools.configuration.read_at
        key = Key(
            _id(call), deed.name, deed.kinds, deed.actions, secret_digest(secret), made_at, deed.quotas, deed.principal
        )
        made = await self._put([KeyChange(key, "key_created", _about(key, by), new=True)], key, secret, by)
        replayed = made.secret is None
        told = "It was made before, and its secret was told then." if replayed else "Its secret is told this once."
        return Done(f"The key of {key.name} is made. {told}", self._tools.version, made, replayed)

    async def _rotate(self, deed: RotateKey, by: Proved, call: Call) -> Done:
        if (made := await self._key(_id(call))) is not None:
            return Done("The key was rotated before.", self._tools.version, KeyMade(made, None), replayed=True)
        if not 0 <= deed.overlap_seconds <= MAX_OVERLAP_SECONDS:
            raise InvalidField("An overlap is at most 30 days. Nothing was changed.", field="overlap")
        old = await self._valid(deed.key)
        now, secret = self._tools.configuration.read_at, new_secret(self._tools.book)
        key = replace(old, id=_id(call), digest=secret_digest(secret), created_at=now, lapses_at=None)
        end = now + timedelta(seconds=deed.overlap_seconds)
        over = replace(old, revoked_at=now) if not deed.overlap_seconds else replace(old, lapses_at=end)
        about = {"by": by.admin.about(), "key": old.id, "name": old.name}
        changes = [
            KeyChange(key, "key_created", {**_about(key, by), "instead_of": old.id}, new=True),
            KeyChange(over, "key_rotated", {**about, "new": key.id, "until": end.isoformat()}),
        ]
        made_now = await self._put(changes, key, secret, by)
        said = (
            f"{key.id} is like {old.id}, which works until {end:%-d %b %Y, %H:%M:%S} UTC. The secret is told this once."
        )
        return Done(said, self._tools.version, KeyMade(made_now.key, made_now.secret, over))

    async def _revoke(self, deed: RevokeKey, by: Proved) -> Done:
        key = await self._key(deed.key)
        if key is None:
            raise _no_key()
        if key.revoked_at is not None:
            said = f"{key.id} of {key.name} was revoked before. Nothing was changed."
            return Done(said, self._tools.version, key, replayed=True)
        revoked = replace(key, revoked_at=datetime.now(UTC))
        change = KeyChange(revoked, "key_revoked", {"key": key.id, "name": key.name, "by": by.admin.about()})
        await self._tools.books.put_keys([change], by.epochs)
        return Done(f"{key.id} of {key.name} is revoked. Its requests stay.", self._tools.version, revoked)

    async def _put(self, changes: list[KeyChange], key: Key, secret: str, by: Proved) -> KeyMade:
        code = await self._tools.books.put_keys(changes, by.epochs)
        if code == "revoked":
            raise Again  # the key that was to be replaced is gone since it was looked at
        if code == "made":
            return KeyMade(await self._key(key.id) or key, None)
        return KeyMade(key, secret)

    async def _valid(self, key_id: str) -> Key:
        key = await self._key(key_id)
        if key is None:
            raise _no_key()
        if key.revoked_at is not None:
            raise NoEffect(f"{key.id} of {key.name} is revoked already. Nothing was changed.", field="id")
        return key

    async def _key(self, key_id: str) -> Key | None:
        digest = self._tools.configuration.policy.digest
        keys = (await self._tools.store.configuration(digest)).keys
        return next((key for key in keys if key.id == key_id), None)


def _id(call: Call) -> str:
    return f"key_{hashlib.sha256(call.operation.encode()).hexdigest()[:16]}"


def _check(deed: MakeKey) -> None:
    """Raise `InvalidField` for what no key can be."""
    if not NAME.match(deed.name):
        raise InvalidField("A name is 1 to 32 of a to z, 0 to 9 and -. Nothing was made.", field="name")
    if not deed.kinds or not deed.kinds <= set(KINDS):
        raise InvalidField("kinds are agent, executor, admin. Nothing was made.", field="kinds")
    if deed.kinds >= {"agent", "admin"}:
        raise InvalidField("No key that submits can administer; make two keys. Nothing was made.", field="kinds")
    if not 0 < len(deed.actions) <= MAX_PATTERNS or not all(map(ACTION_PATTERN.match, deed.actions)):
        raise InvalidField("actions are patterns such as payments.*, at most 50. Nothing was made.", field="actions")
    if deed.principal is not None and not _EMAIL.match(deed.principal):
        raise InvalidField("principal is an e-mail address. Nothing was made.", field="principal")


def _kinds(kinds: frozenset[str] | frozenset[Any]) -> str:
    words = {"agent": "ask", "executor": "redeem", "admin": "administer"}
    return ", ".join(words[kind] for kind in KINDS if kind in kinds)


def _about(key: Key, by: Proved) -> dict[str, Any]:
    """For the record: all that the key may do, and for whom."""
    about = {"key": key.id, "name": one_line(key.name), "kinds": sorted(key.kinds), "actions": list(key.actions)}
    return {**about, "principal": key.principal, "quotas": asdict(key.quotas), "by": by.admin.about()}


def _no_key() -> NotFound:
    return NotFound("There is no key with this id. Nothing was changed.")
