"""A tap on a button: who is it, may such an account decide, what does the desk say, and what is the person told.

A tap is acknowledged only once it is recorded or refused. Where that takes longer than Slack waits, Slack is answered
503 and shows its user an error, while the work goes on; what became of the tap is told to the tapper alone either way.
The card is never touched here: delivery brings it up to date from what was recorded.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sayso_adapters.slack.blocks import MAX_TEXT, escape, plain, section, shortened
from sayso_adapters.slack.cards import APPROVE, DENY, OPEN
from sayso_adapters.slack.home import Home, Introduction
from sayso_adapters.slack.people import USER, Account, People
from sayso_adapters.slack.places import Places
from sayso_adapters.slack.wire import Wire
from sayso_bot.domain.request import Outcome, Request, Status
from sayso_bot.errors import SaysoError, Unavailable, VoteRefused
from sayso_bot.ports import AdapterContext, AdapterError, Ballot, Button, LookupFailed, Retry, Voted

ACKNOWLEDGE_SECONDS = 2.0
REMEMBERED_TAPS = 10_000
VOTE_PAUSES = (0.1, 0.4, 1.0, 2.0)
TELL_TRIES = 3
LONGEST_TELL_PAUSE = 10.0

_CHANNEL = re.compile(r"[CGD][A-Z0-9]{1,30}\Z")
_MESSAGE = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}\Z")
_BUTTON = re.compile(r"btn_[A-Za-z0-9_-]{1,64}\Z")
_OUTCOMES: Mapping[str, Outcome] = {APPROVE: "approve", DENY: "deny"}

NOTHING = "Nothing was changed."
UNSURE = (
    "Something went wrong while your tap was handled, so it may not have counted."
    " If the card still shows its buttons, tap again, or answer in the inbox."
)
CANNOT_CHECK = f"Slack could not be asked who you are, so your tap was not counted. {NOTHING} Tap again in a minute."
UNKNOWN_BUTTON = f"This button is not known here: it is from another Sayso, or from too long ago. {NOTHING}"
OTHER_PLACE = f"This button was made for another channel. {NOTHING}"


@dataclass(frozen=True, slots=True)
class Tap:
    """What a payload of Slack says. ``at`` names this very click."""

    user: str
    team: str
    enterprise: str
    channel: str
    post: str
    action: str
    token: str
    at: str

    @property
    def operation(self) -> str:
        """The same for every delivery of this click, and for no other click."""
        return f"slack:{self.at}:{self.user}:{self.action}:{self.token}"


def read_tap(body: Mapping[str, Any]) -> Tap | None:
    """The tap in a ``block_actions`` payload, or None for a click that decides nothing or lacks what a tap needs."""
    action = _first(body.get("actions"))
    user, channel, container = (_object(body.get(name)) for name in ("user", "channel", "container"))
    tap = Tap(
        user=_text(user.get("id")),
        team=_text(user.get("team_id")),
        enterprise=_text(_object(body.get("enterprise")).get("id")),
        channel=_text(channel.get("id")) or _text(container.get("channel_id")),
        post=_text(container.get("message_ts")) or _text(_object(body.get("message")).get("ts")),
        action=_text(action.get("action_id")),
        token=value if _BUTTON.match(value := _text(action.get("value"))) else "",
        at=_text(action.get("action_ts")),
    )
    whole = USER.match(tap.user) and _CHANNEL.match(tap.channel) and _MESSAGE.match(tap.post) and tap.at
    return tap if whole and tap.action != OPEN else None


class Taps:
    """Handles each tap once in this process, however often it is delivered; the desk does so across processes."""

    def __init__(
        self, context: AdapterContext, wire: Wire, introduction: Introduction, people: People, places: Places
    ) -> None:
        self._context = context
        self._desk = context.desk
        self._wire = wire
        self._introduction = introduction
        self._people = people
        self._places = places
        self._handled: OrderedDict[str, asyncio.Future[bool]] = OrderedDict()
        self._under_way: set[asyncio.Task[None]] = set()
        self._ending = False

    async def take(self, body: Mapping[str, Any]) -> None:
        """Return when the tap is recorded or refused.

        Raises `Unavailable` when that is not known after two seconds, because Slack gives up after three. The work
        goes on; the operation's name makes another delivery of the same click safe.
        """
        tap = read_tap(body)
        if tap is None:
            return
        known = self._handled.get(tap.operation) or self._begin(tap)
        await asyncio.wait({known}, timeout=ACKNOWLEDGE_SECONDS)
        if not known.done():
            self._context.log.warning("slack.tap_slow", user=tap.user)
        if not known.done() or not known.result():
            raise Unavailable("It is not known yet whether this tap counts.", retry_after=1)

    async def finish(self, seconds: float) -> None:
        """Take no more taps, and let those under way be recorded and told, for ``seconds`` at most."""
        self._ending = True
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=seconds)

    def _begin(self, tap: Tap) -> asyncio.Future[bool]:
        """Start the work on a tap. What it returns will say whether the tap's fate, counted or refused, is known."""
        if self._ending:
            raise Unavailable("The service stops. Nothing was changed.", retry_after=5)
        known = self._handled[tap.operation] = asyncio.get_running_loop().create_future()
        while len(self._handled) > REMEMBERED_TAPS:
            self._handled.popitem(last=False)
        work = asyncio.create_task(self._handle(tap, known))
        self._under_way.add(work)
        work.add_done_callback(self._under_way.discard)
        self._context.spawn(work)
        return known

    async def _handle(self, tap: Tap, known: asyncio.Future[bool]) -> None:
        said: str | None = UNSURE
        try:
            said = await self._answer(tap)
        except LookupFailed as error:
            self._context.log.warning("slack.tap_not_checked", user=tap.user, what=error.what)
            said = CANNOT_CHECK
        except SaysoError as error:
            self._context.log.warning("slack.tap_failed", user=tap.user, code=error.code)
        finally:  # whatever else breaks, the tapper is told, and the task's failure is logged by who spawned it
            if said in (UNSURE, CANNOT_CHECK):
                self._handled.pop(tap.operation, None)  # another delivery of this click may try again
            known.set_result(said is not UNSURE)
            if said:
                await self._tell(tap, said)

    async def _answer(self, tap: Tap) -> str | None:
        """Do what the tap asks; what the person is told of it, None for a repeated delivery."""
        outcome = _OUTCOMES.get(tap.action)
        button = await self._desk.button(tap.token) if outcome and tap.token else None
        if outcome is None or button is None:
            return UNKNOWN_BUTTON
        home = self._home()
        if not await self._places.is_at(tap.channel, button.place, home):
            return OTHER_PLACE
        account = await self._account(tap, home)
        if isinstance(account, str):
            return f"{account} {NOTHING}"
        if account.guest and not await self._is_named(button, home.alias(account.id), home):
            return f"Guests decide only where the policy names them, as slack:{account.id}. {NOTHING}"
        await self._desk.tapped(button, self._places.post_id(button.place, tap.channel, tap.post, home))
        return await self._vote(tap, button, account, outcome, home)

    def _home(self) -> Home:
        try:
            return self._introduction.home()
        except AdapterError as error:
            raise LookupFailed(error.what) from None

    async def _account(self, tap: Tap, home: Home) -> Account | str:
        """The tapper's account, or the sentence that says why it decides nothing."""
        ours = tap.team and tap.team in (home.team, home.enterprise)
        if not ours and not (home.enterprise and tap.enterprise == home.enterprise):
            return "Your account belongs to another workspace than this Sayso."
        account = await self._people.account(tap.user)
        if account is None:
            return "Slack does not know your account here."
        return account.why_never(home) or account

    async def _is_named(self, button: Button, alias: str, home: Home) -> bool:
        """Whether the request's rule names this very account."""
        requirement = (await self._desk.look(button.request_id)).requirement
        named = (requirement and requirement.approvers) or ()
        return any(home.alias(home.local(name) or "") == alias for name in named if name.startswith("slack:"))

    async def _vote(self, tap: Tap, button: Button, account: Account, outcome: Outcome, home: Home) -> str | None:
        ballot = Ballot(
            request_id=button.request_id,
            revision=button.revision,
            person=account.person(home),
            outcome=outcome,
            surface="slack",
            operation=tap.operation,
            place=button.place,
        )
        try:
            voted = await self._vote_surely(ballot)
        except VoteRefused as error:
            return error.detail
        return None if voted.replayed else self._counted(voted.request, outcome)

    async def _vote_surely(self, ballot: Ballot) -> Voted:
        """Vote, again where the store was away: the operation's name makes the second try safe."""
        for pause in VOTE_PAUSES:
            try:
                return await self._desk.vote(ballot)
            except Unavailable:
                await asyncio.sleep(pause)
        return await self._desk.vote(ballot)

    def _counted(self, request: Request, outcome: Outcome) -> str:
        card = self._desk.card(request)
        if outcome == "deny":
            return f"You denied {card.action}. The agent is told."
        if request.status is Status.APPROVED:
            return f"You approved {card.action}. It is approved, and the agent is told."
        return f"Your approval of {card.action} counts. It now has {card.needs}."

    async def _tell(self, tap: Tap, said: str) -> None:
        """Tell the tapper alone: in the channel, or by direct message where Slack does not allow that."""
        content: dict[str, Any] = {"text": escape(said), "blocks": [section(plain(shortened(said, MAX_TEXT)))]}
        try:
            try:
                await self._call("chat.postEphemeral", channel=tap.channel, user=tap.user, **content)
            except AdapterError:
                await self._call("chat.postMessage", channel=tap.user, **content)
        except AdapterError as error:
            self._context.log.warning("slack.tapper_not_told", user=tap.user, what=error.what)

    async def _call(self, method: str, **arguments: Any) -> None:
        """One call, again where nothing was sent or Slack asks for a pause."""
        for _ in range(TELL_TRIES - 1):
            try:
                await self._wire.call(method, **arguments)
            except Retry as error:
                if error.lost or self._ending or (error.after or 0) > LONGEST_TELL_PAUSE:
                    raise
                await asyncio.sleep(error.after or 1.0)
            else:
                return
        await self._wire.call(method, **arguments)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _first(value: object) -> Mapping[str, Any]:
    return _object(value[0]) if isinstance(value, list) and value else {}


def _text(value: object) -> str:
    """An id of Slack's; all of them are ASCII."""
    return value if isinstance(value, str) and value.isascii() else ""
