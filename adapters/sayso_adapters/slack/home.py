"""Who we are in Slack: the workspace and the bot user that the token stands for, learnt once from ``auth.test``.

The service starts whether or not Slack answers. Until it does, posts are told to come again, and nobody's tap counts.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sayso_adapters.slack.wire import Wire
from sayso_bot.ports import AdapterContext, AdapterError, Gone, Retry

FIRST_ANSWER_SECONDS = 1.5
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
REFUSED_PAUSE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Home:
    """``enterprise`` is set in an Enterprise Grid, where people belong to the organisation."""

    team: str
    enterprise: str | None
    bot: str | None
    bot_user: str
    name: str

    def alias(self, user: str) -> str:
        return f"slack:{self.team}/{user}"

    def local(self, name: str) -> str | None:
        """``C1`` of ``slack:C1`` and of ``slack:T1/C1`` where T1 is this workspace, else None."""
        bare = name.removeprefix("slack:")
        team, slash, found = bare.rpartition("/")
        return found if not slash or team in (self.team, self.enterprise) else None


class Introduction:
    """Asks ``auth.test`` until it is answered; `home` says what was learnt, or why nothing was."""

    def __init__(self, wire: Wire, context: AdapterContext) -> None:
        self._wire = wire
        self._context = context
        self._home: Home | None = None
        self._why: AdapterError = Retry("not_connected")
        self._tried = asyncio.Event()

    async def begin(self) -> None:
        """Start asking, and wait a moment for the first answer so that a healthy start is a ready one."""
        self._context.spawn(self._ask_until_answered())
        try:
            async with asyncio.timeout(FIRST_ANSWER_SECONDS):
                await self._tried.wait()
        except TimeoutError:
            self._context.log.warning("slack.unreachable", what="no_answer", next="asking again in the background")

    def home(self) -> Home:
        """Raises `Retry` while Slack has not answered, `Gone` when it refuses the token."""
        if self._home is None:
            raise _again(self._why)
        return self._home

    async def _ask_until_answered(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                self._home, _ = await ask(self._wire)
            except AdapterError as error:
                self._why = error
                pause = self._next_pause(error, pause)
            else:
                self._context.log.info("slack.connected", team=self._home.team, workspace=self._home.name)
                return
            finally:
                self._tried.set()
            await asyncio.sleep(pause)

    def _next_pause(self, error: AdapterError, pause: float) -> float:
        if isinstance(error, Retry):
            self._context.log.warning("slack.unreachable", what=error.what, next="asking again in the background")
            return error.after or min(pause * 2, LONGEST_PAUSE_SECONDS)
        self._context.log.error(
            "slack.token_refused",
            what=error.what,
            todo="Check SLACK_BOT_TOKEN and that the app is installed; no card can be posted until then.",
        )
        return REFUSED_PAUSE_SECONDS


async def ask(wire: Wire) -> tuple[Home, frozenset[str]]:
    """What ``auth.test`` says now, and the token's scopes. Raises `AdapterError`."""
    said = await wire.call("auth.test")
    scopes = next((value for name, value in said.headers.items() if name.lower() == "x-oauth-scopes"), "")
    home = Home(
        team=str(said["team_id"]),
        enterprise=said.get("enterprise_id"),
        bot=said.get("bot_id"),
        bot_user=str(said["user_id"]),
        name=str(said.get("team") or said["team_id"]),
    )
    return home, frozenset(scope.strip() for scope in scopes.split(",") if scope.strip())


def _again(why: AdapterError) -> AdapterError:
    """A fresh error of the same kind: one instance must not be raised from many tasks."""
    return Retry(why.what) if isinstance(why, Retry) else Gone(why.what)
