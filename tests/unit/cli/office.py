"""An operator at a terminal: the real commands, in this process, on a real Redis with a book of its own."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from sayso.cli import main
from sayso_bot.cli.desk import opened_desk
from sayso_bot.cli.operator import Book
from sayso_bot.desk import Desk
from sayso_bot.domain.form import Form
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Claims, Outcome, Request
from sayso_bot.opening import opened_book
from sayso_bot.ports import Draft
from sayso_bot.settings import Settings
from sayso_bot.telemetry import logger
from service import a_ballot, a_key

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Operator:
    """Runs ``sayso`` and, for what others do meanwhile, the desk. All is synchronous: commands own their event loop."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *arguments: str) -> Ended:
        self._monkeypatch.setattr(sys, "argv", ["sayso", *arguments])
        self._capsys.readouterr()
        code: Any = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        out, err = self._capsys.readouterr()
        return Ended(code or 0, out, err)

    def ok(self, *arguments: str) -> Ended:
        ended = self.run(*arguments)
        assert ended.code == 0, ended.err
        return ended

    def on_book(self, work: Callable[[Book], Awaitable[T]]) -> T:
        async def opened() -> T:
            settings = Settings.load()
            async with opened_book(settings, logger("test")) as store:
                return await work(Book(settings, store, logger("test")))

        return asyncio.run(opened())

    def at_desk(self, work: Callable[[Book, Desk], Awaitable[T]]) -> T:
        async def opened(book: Book) -> T:
            async with opened_desk(book, await book.configuration(), {}) as desk:
                return await work(book, desk)

        return self.on_book(opened)

    def asked(
        self,
        action: str,
        params: Mapping[str, Any] | None = None,
        agent: str = "shop",
        form: Form | None = None,
        **said: Any,
    ) -> Request:
        """A request that an agent has made."""

        async def ask(book: Book, desk: Desk) -> Request:
            key, _ = a_key(agent)
            await book.store.put_key(key, "key_created")
            configuration = await book.configuration()
            async with opened_desk(book, configuration, {}) as fresh:
                draft = Draft(action, params or {}, Claims(**said), None, secrets.token_hex(8), None, form)
                return (await fresh.submit(key, draft)).request

        return self.at_desk(ask)

    def answered(self, request: Request, outcome: Outcome, person: Person, **details: Any) -> None:
        """Somebody's answer in the inbox."""

        async def vote(_: Book, desk: Desk) -> None:
            await desk.vote(a_ballot(request.id, outcome, person=person, **details))

        self.at_desk(vote)

    def journal(self) -> list[dict[str, str]]:
        async def read(book: Book) -> list[dict[str, str]]:
            entries: Any = await book.store.client.xrange(book.store.keys["journal"])
            return [fields for _, fields in entries]

        return self.on_book(read)
