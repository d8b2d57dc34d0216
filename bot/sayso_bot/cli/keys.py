"""``sayso keys``: make, list and revoke what agents, executors and admin programs prove themselves with.

A key's secret is printed once, when it is made, and only its digest is kept. A revoked key stays on the list.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any

import typer

from sayso_bot.cli.arguments import agent_name
from sayso_bot.cli.operator import Book, with_book
from sayso_bot.cli.printing import AsJson, clock, print_json, print_table, say
from sayso_bot.domain.globs import ACTION_PATTERN
from sayso_bot.domain.key import KINDS, Key, Kind, Quotas, new_key_id, new_secret, secret_digest
from sayso_bot.domain.request import rfc3339
from sayso_bot.errors import NotFound
from sayso_bot.policy.places import Unacceptable, account

commands = typer.Typer(help="Keys of agents, executors and admin programs.", no_args_is_help=True)

BURST_SECONDS = 5
LARGEST_RATE = 10_000

_RATE = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,3})?)/s\Z")
_QUOTAS = Quotas()


class Which(Enum):
    """`Kind`, in the form that an option which may be repeated needs."""

    agent = "agent"
    executor = "executor"
    admin = "admin"


def _rate(text: str) -> float:
    found = _RATE.match(text)
    rate = float(found[1]) if found else 0.0
    if not 0 < rate <= LARGEST_RATE:
        raise typer.BadParameter(f"write it as 20/s, or 0.5/s; at most {LARGEST_RATE}/s")
    return rate


def _email(text: str) -> str:
    try:
        return account(f"email:{text}", frozenset()).removeprefix("email:")
    except Unacceptable:
        raise typer.BadParameter("give an e-mail address, such as ana@example.com") from None


@commands.command()
def create(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The agent's name, which people are shown.", parser=agent_name)
    ],
    kind: Annotated[
        list[Which] | None, typer.Option(help="agent asks, executor redeems, admin administers; repeat it. [agent]")
    ] = None,
    actions: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="What it may ask for: payments.*; repeat it. [*]")
    ] = None,
    rate: Annotated[
        float, typer.Option(metavar="N/s", parser=_rate, help="Requests a second; bursts of five times as many.")
    ] = f"{_QUOTAS.rate:g}/s",  # type: ignore[assignment]
    pending: Annotated[int, typer.Option(metavar="N", min=1, help="Requests open at once.")] = _QUOTAS.pending,
    held: Annotated[int, typer.Option(metavar="N", min=1, help="Calls held at once.")] = _QUOTAS.held,
    principal: Annotated[
        str | None, typer.Option(metavar="EMAIL", parser=_email, help="The person it acts for, who may not decide.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key, and print its secret this once."""
    wanted = {which.value for which in kind or [Which.agent]}
    kinds: frozenset[Kind] = frozenset(known for known in KINDS if known in wanted)
    if kinds >= {"agent", "admin"}:
        raise typer.BadParameter("no key that submits can administer; make two keys", param_hint="--kind")
    quotas = replace(_QUOTAS, rate=rate, burst=math.ceil(rate * BURST_SECONDS), pending=pending, held=held)
    globs = _globs(actions or ["*"])

    async def work(book: Book) -> tuple[Key, str, str]:
        secret = new_secret(book.settings.book)
        made_at = datetime.now(UTC)
        key = Key(new_key_id(), name, kinds, globs, secret_digest(secret), made_at, quotas, principal)
        await book.store.put_key(key, "key_created")
        return key, secret, book.settings.public_url

    key, secret, url = with_book(work)
    if as_json:
        print_json({"id": key.id, "name": key.name, "kinds": _kinds(key), "key": secret})
        return
    for label, text in (("id", key.id), ("name", key.name), ("kinds", ", ".join(_kinds(key))), ("key", secret)):
        typer.echo(f"{label:<7}{text}")
    say(f"\nThe key is shown only now. Whoever uses it needs: export SAYSO_URL={url} SAYSO_KEY=sk_…")


@commands.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List all keys, revoked ones too, without their secrets."""
    keys = sorted(with_book(_all), key=lambda key: (key.revoked_at is not None, key.name, key.created_at))
    if as_json:
        print_json([_public(key) for key in keys])
    elif keys:
        headings = ("id", "name", "kinds", "actions", "rate", "acts for", "made", "state")
        print_table(headings, map(_row, keys))
    else:
        say("There are no keys. Make one with: sayso keys create NAME")


@commands.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The id that `sayso keys list` shows.")],
    as_json: AsJson = False,
) -> None:
    """Revoke a key at once, on every replica. Its requests stay; its held calls learn nothing."""

    async def work(book: Book) -> tuple[Key, bool]:
        key = _found(await _all(book), key_id)
        if key.revoked_at is not None:
            return key, False
        revoked = replace(key, revoked_at=datetime.now(UTC))
        await book.store.put_key(revoked, "key_revoked")
        return revoked, True

    key, changed = with_book(work)
    if as_json:
        print_json(_public(key))
    elif changed:
        typer.echo(f"Revoked {key.id} of {key.name}.")
    else:
        typer.echo(f"{key.id} of {key.name} was revoked before, {_time(key.revoked_at)}. Nothing was changed.")


async def _all(book: Book) -> tuple[Key, ...]:
    return (await book.store.configuration(None)).keys


def _found(keys: Iterable[Key], key_id: str) -> Key:
    for key in keys:
        if key.id == key_id:
            return key
    raise NotFound("There is no key with this id. `sayso keys list` shows them. Nothing was changed.")


def _globs(given: list[str]) -> tuple[str, ...]:
    for glob in given:
        if not ACTION_PATTERN.match(glob):
            raise typer.BadParameter("write it as payments.refund or payments.*", param_hint="--actions")
    return tuple(dict.fromkeys(given))


def _kinds(key: Key) -> list[str]:
    return [kind for kind in KINDS if kind in key.kinds]


def _row(key: Key) -> tuple[str, ...]:
    state = f"revoked {_time(key.revoked_at)}" if key.revoked_at else "valid"
    actions, kinds = " ".join(key.actions), ", ".join(_kinds(key))
    made = _time(key.created_at)
    return key.id, key.name, kinds, actions, f"{key.quotas.rate:g}/s", key.principal or "-", made, state


def _public(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "kinds": _kinds(key),
        "actions": list(key.actions),
        "quotas": asdict(key.quotas),
        "principal": key.principal,
        "created_at": rfc3339(key.created_at),
        "revoked_at": rfc3339(key.revoked_at) if key.revoked_at else None,
    }


def _time(at: datetime | None) -> str:
    return clock(at) if at else "-"
