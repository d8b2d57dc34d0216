"""A deed of an admin's: proved, looked at, carried out in one step of the store, written down and announced.

The order is here, and each kind of deed has a room of its own: `Whereabouts` (routes and channels), `Stops` (pauses),
`Moves` and `Keyring`. Who administers is proved as approvers are, afresh for each deed, under the epochs of keys and
policy under which the deed then takes effect. Nothing here can decide a request.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from time import monotonic

from sayso_bot.admission import Admission
from sayso_bot.domain.admin import Admin, Caller
from sayso_bot.domain.deeds import MAX_WHY, Call, Deed, Done, Effect, spelled
from sayso_bot.domain.person import OPERATOR
from sayso_bot.domain.text import one_line
from sayso_bot.errors import (
    AdminRefused,
    CannotCheck,
    Forbidden,
    IdempotencyMismatch,
    InvalidField,
    NotAllowed,
    NotAnAdmin,
    Unauthenticated,
    Unavailable,
    Unconfirmed,
)
from sayso_bot.in_force import in_force
from sayso_bot.office.admins import Admins
from sayso_bot.office.illness import Illnesses
from sayso_bot.office.keyring import Keyring
from sayso_bot.office.moves import Moves
from sayso_bot.office.news import News
from sayso_bot.office.overview import Overviews
from sayso_bot.office.rooms import Proved, Room, Tools, changed
from sayso_bot.office.stops import Stops
from sayso_bot.office.trials import Trials
from sayso_bot.office.whereabouts import Whereabouts
from sayso_bot.ports import ChatAdapter, Configuration, Log, OfficeStore, Overview, Store
from sayso_bot.refusals import Refusals

BY_KEY = "a key of kind admin"
BY_SHELL = "a shell of the book's operator"


class Office:
    """`sayso_bot.ports.OfficeFace`. ``adapters`` are the desk's; ``address`` checks a place, raising `InvalidField`."""

    def __init__(
        self,
        store: Store,
        books: OfficeStore,
        configuration: Configuration,
        adapters: Mapping[str, ChatAdapter],
        address: Callable[[str], str],
        book: str,
        log: Log,
    ) -> None:
        self._configuration = configuration
        self._admission = Admission(adapters)
        self._refusals = Refusals(store.note, monotonic, log)
        self._log = log
        self._books = books
        tools = Tools(store, books, configuration, adapters, address, book, log)
        admins = Admins(tools)
        self._illnesses, self._news = Illnesses(tools, admins), News(tools, admins)
        trials = Trials(tools, self._illnesses)
        self._rooms: tuple[Room, ...] = (Whereabouts(tools, trials), Stops(tools), Moves(tools, trials), Keyring(tools))
        self._overviews = Overviews(tools)

    # ------------------------------------------------------------------ who may

    async def prove(self, caller: Caller) -> Admin:
        async with self._on_record("enter", caller):
            return await in_force(self._configuration, lambda: self._proved(caller, fresh=True))

    async def is_admin(self, caller: Caller) -> bool:
        try:
            await self._proved(caller, fresh=False)
        except NotAllowed:
            return False
        return True

    async def _proved(self, caller: Caller, *, fresh: bool) -> Admin:
        if caller.key is not None:
            return self._by_key(caller)
        if caller.person is None:
            return Admin(OPERATOR, "Operator", caller.surface, BY_SHELL, caller.place)
        if caller.guest:
            raise NotAnAdmin("Guests administer nothing, whoever names them. Nothing was changed.")
        policy = self._configuration.policy
        if not policy.admins:
            raise NotAnAdmin("The policy names no admins: whoever runs Sayso adds them under admins:.")
        person = caller.person.joined(policy.people)
        evidence = await self._admission.one_of(policy.admins, person, fresh=fresh)
        if evidence is None:
            raise NotAnAdmin(
                "Only admins may do that, and admins: of the policy does not name you. Nothing was changed."
            )
        return Admin(person.id, person.name, caller.surface, evidence, caller.place)

    def _by_key(self, caller: Caller) -> Admin:
        present = self._configuration.key(caller.key.id) if caller.key else None
        if present is None:
            raise Unauthenticated("This key is not valid any more. Ask an operator for a new one.")
        if not present.administers:
            raise Forbidden("This key is not an admin's, so it administers nothing. Nothing was changed.")
        return Admin(present.id, f"the key {present.name}", caller.surface, BY_KEY, caller.place)

    # ------------------------------------------------------------------ what they see

    async def overview(self, caller: Caller) -> Overview:
        await self.prove(caller)
        return await self._overviews.now()

    async def preview(self, deed: Deed, caller: Caller) -> Effect:
        async with self._on_record(type(deed).__name__, caller):
            await self._configuration.refresh()
            await in_force(self._configuration, lambda: self._proved(caller, fresh=True))
            return await self._room(deed).preview(deed)

    async def report(self, place: str, what: str) -> None:
        """Put on the record, once, that a place cannot be reached, or (an empty ``what``) that it can again."""
        await self._illnesses.report(place, what)

    async def reached(self, place: str) -> None:
        """Have what could not be shown at ``place`` tried at once: something else was shown there."""
        await self._illnesses.reached(place)

    async def tell_of_illnesses(self) -> None:
        """Tell the admins, once, of each place that is on the record as ill, and of each of those that is not any more;
        at another call where it is not known now who they are."""
        await self._illnesses.tell()

    async def tell_what_got_weaker(self) -> None:
        """Tell the admins, once, of each version of the policy that demands less than the one before."""
        await self._news.tell_what_got_weaker()

    async def tell_of_file(self, problem: str, before: str | None) -> bool:
        """Tell the admins, once, what is wrong with the policy's file; an empty ``problem``: nothing is any more where
        ``before`` was told, or whatever was (None). False where it is not known now who they are."""
        return await self._news.tell_of_file(problem, before)

    # ------------------------------------------------------------------ what they do

    async def do(self, deed: Deed, caller: Caller, call: Call) -> Done:
        async with self._on_record(type(deed).__name__, caller):
            _check_why(deed)
            done = await in_force(self._configuration, lambda: self._done(deed, caller, call))
        self._log.info("admin_deed", deed=type(deed).__name__, by=caller.id, surface=caller.surface)
        try:
            await self._configuration.refresh()
        except Unavailable:  # it stands, and what it answers may be told this once
            self._log.warning("configuration_not_read")
        return done

    async def _done(self, deed: Deed, caller: Caller, call: Call) -> Done:
        await self._configuration.refresh()
        epochs, proves = self._configuration.epochs, caller.key is not None or caller.person is not None
        by = Proved(await self._proved(caller, fresh=True), epochs if proves else None)
        room = self._room(deed)
        if call.claimed:
            await self._claim(deed, call)
        if not await room.was_done(call):
            if room.versioned and call.version is not None and call.version != epochs.routes:
                raise changed()
            effect = None if call.confirmed else await room.preview(deed)
            if effect is not None and effect.asks not in ("", call.answered):
                raise Unconfirmed(effect.questions)
        return await room.carry_out(deed, by, call)

    async def _claim(self, deed: Deed, call: Call) -> None:
        if not await self._books.claim(call.operation, hashlib.sha256(spelled(deed).encode()).hexdigest()):
            raise IdempotencyMismatch(
                "This Idempotency-Key was used for something else. That stands; nothing more was changed."
            )

    def _room(self, deed: Deed) -> Room:
        return next(room for room in self._rooms if isinstance(deed, room.deeds))

    @asynccontextmanager
    async def _on_record(self, deed: str, caller: Caller) -> AsyncIterator[None]:
        """Put on the record what somebody who proved who they are is refused."""
        try:
            yield
        except (NotAllowed, AdminRefused) as refusal:
            if not isinstance(refusal, CannotCheck | Unauthenticated):
                about = {"deed": deed, "by": caller.id, "surface": caller.surface, "place": caller.place}
                await self._refusals.record("admin_refused", caller.id, refusal, "", about)
            raise


def _check_why(deed: Deed) -> None:
    why = getattr(deed, "why", "")
    if len(why) > MAX_WHY:
        raise InvalidField(f"A reason has at most {MAX_WHY} characters. Nothing was changed.", field="reason")
    if one_line(why) != why:
        raise InvalidField("A reason is one line without invisible characters. Nothing was changed.", field="reason")
