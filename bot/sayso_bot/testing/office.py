"""An office in memory for tests of surfaces: it keeps what it is told to do, and says what a test has it say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sayso_bot.domain.admin import Admin, Caller
from sayso_bot.domain.deeds import Call, Deed, Done, Effect, KeyMade
from sayso_bot.domain.key import Key
from sayso_bot.errors import NotAnAdmin, SaysoError, Unconfirmed
from sayso_bot.ports import Overview
from sayso_bot.testing.samples import AT

NOTHING = Overview(1, "sha256:" + "0" * 64, (), (), (), (), (), (), AT)


class MemoryOffice:
    """`sayso_bot.ports.OfficeFace`. ``admits`` says who is an admin, ``stands`` what `overview` tells.

    ``done`` are the deeds that took effect, each operation once, with who did them, and ``thing`` is what comes of one.
    ``questions`` are asked of every deed; the next calls raise what is in ``trouble``.
    """

    def __init__(self, admits: Callable[[Caller], bool] = lambda _: False) -> None:
        self.admits = admits
        self.stands = NOTHING
        self.done: list[tuple[Deed, Caller, Call]] = []
        self.seen: list[Deed] = []
        self.questions: tuple[str, ...] = ()
        self.trouble: list[SaysoError] = []
        self.thing: Key | KeyMade | None = None

    async def prove(self, caller: Caller) -> Admin:
        if self.trouble:
            raise self.trouble.pop(0)
        if caller.guest or not self.admits(caller):
            raise NotAnAdmin("That is for admins. Nothing was changed.")
        return Admin(caller.id, caller.person.name if caller.person else "Operator", caller.surface, "test")

    async def is_admin(self, caller: Caller) -> bool:
        return not caller.guest and self.admits(caller)

    async def overview(self, caller: Caller) -> Overview:
        await self.prove(caller)
        return self.stands

    async def preview(self, deed: Deed, caller: Caller) -> Effect:
        await self.prove(caller)
        self.seen.append(deed)
        return Effect("A deed", (f"{type(deed).__name__} would be done.",), self.questions, self.stands.version)

    async def do(self, deed: Deed, caller: Caller, call: Call) -> Done:
        await self.prove(caller)
        effect = Effect("A deed", (), self.questions, self.stands.version)
        if not call.confirmed and effect.asks not in ("", call.answered):
            raise Unconfirmed(self.questions)
        replayed = any(call.operation == earlier.operation for _, _, earlier in self.done)
        if not replayed:
            self.done.append((deed, caller, call))
            self.stands = replace(self.stands, version=self.stands.version + 1)
        return Done(f"{type(deed).__name__} was done.", self.stands.version, self.thing, replayed)
