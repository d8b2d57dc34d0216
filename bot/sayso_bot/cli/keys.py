"""``sayso keys``: make, list and revoke what agents, executors and admin programs prove themselves with.

A key's secret is printed once, when it is made, and only its digest is kept. A revoked key stays on the list.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import datetime
from enum import Enum
from typing import Annotated

import typer

from sayso_bot.cli.arguments import agent_name
from sayso_bot.cli.office import carried_out, duration, overview
from sayso_bot.cli.printing import AsJson, clock, print_json, print_table, say
from sayso_bot.domain.deeds import Done, KeyMade, MakeKey, RevokeKey, RotateKey
from sayso_bot.domain.globs import ACTION_PATTERN
from sayso_bot.domain.key import KINDS, Key, Kind, Quotas
from sayso_bot.http.admin_schemas import key_out
from sayso_bot.policy.places import Unacceptable, account
from sayso_bot.ports import KeyNow
from sayso_bot.settings import Settings

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


def _overlap(text: str) -> int:
    return 0 if text == "0s" else duration(text)


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
    _print_made(carried_out(MakeKey(name, kinds, _globs(actions or ["*"]), quotas, principal), yes=True), as_json)


def _print_made(done: Done, as_json: bool) -> None:
    """The key and its secret, which nobody is told again."""
    made = done.the(KeyMade)
    key, secret = made.key, made.secret or ""
    if as_json:
        print_json({"id": key.id, "name": key.name, "kinds": _kinds(key), "key": secret})
        return
    for label, text in (("id", key.id), ("name", key.name), ("kinds", ", ".join(_kinds(key))), ("key", secret)):
        typer.echo(f"{label:<7}{text}")
    url = Settings.load().public_url
    say(f"\nThe key is shown only now. Whoever uses it needs: export SAYSO_URL={url} SAYSO_KEY=sk_…")


@commands.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List all keys, revoked ones too, without their secrets."""
    keys = overview().keys
    if as_json:
        print_json([key_out(now.key, now.last_used) for now in keys])
    elif keys:
        headings = ("id", "name", "kinds", "actions", "rate", "acts for", "made", "used", "state")
        print_table(headings, map(_row, keys))
    else:
        say("There are no keys. Make one with: sayso keys create NAME")


@commands.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The id that `sayso keys list` shows.")],
    as_json: AsJson = False,
) -> None:
    """Revoke a key at once, on every replica. Its requests stay; its held calls end and learn nothing."""
    done = carried_out(RevokeKey(key_id), yes=True)
    key = done.the(Key)
    if as_json:
        print_json(key_out(key))
    elif not done.replayed:
        typer.echo(f"Revoked {key.id} of {key.name}.")
    else:
        typer.echo(f"{key.id} of {key.name} was revoked before, {_time(key.revoked_at)}. Nothing was changed.")


@commands.command()
def rotate(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The id that `sayso keys list` shows.")],
    overlap: Annotated[
        int, typer.Option(metavar="DURATION", parser=_overlap, help="How long both work; 0s ends the old one now.")
    ] = "1h",  # type: ignore[assignment]
    as_json: AsJson = False,
) -> None:
    """Make a key like another one, print its secret this once, and let the other one lapse."""
    done = carried_out(RotateKey(key_id, overlap), yes=True)
    _print_made(done, as_json)
    if (old := done.the(KeyMade).instead_of) is not None:
        say(f"{old.id} works until {_time(old.lapses_at or old.revoked_at)}.")


def _globs(given: list[str]) -> tuple[str, ...]:
    for glob in given:
        if not ACTION_PATTERN.match(glob):
            raise typer.BadParameter("write it as payments.refund or payments.*", param_hint="--actions")
    return tuple(dict.fromkeys(given))


def _kinds(key: Key) -> list[str]:
    return [kind for kind in KINDS if kind in key.kinds]


def _row(now: KeyNow) -> tuple[str, ...]:
    key = now.key
    state = f"lapses {_time(key.lapses_at)}" if key.lapses_at else "valid"
    if key.revoked_at:
        state = f"revoked {_time(key.revoked_at)}"
    actions, kinds, acts_for = " ".join(key.actions), ", ".join(_kinds(key)), key.principal or "-"
    made, used = _time(key.created_at), _time(now.last_used)
    return key.id, key.name, kinds, actions, f"{key.quotas.rate:g}/s", acts_for, made, used, state


def _time(at: datetime | None) -> str:
    return clock(at) if at else "-"
