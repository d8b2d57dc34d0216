"""Pauses: what stands still until somebody says that it goes on. No version: a stop must not be lost to a race."""

from __future__ import annotations

from sayso_bot.domain.deeds import Call, Done, Effect, PauseScope, Resume
from sayso_bot.domain.effects import of_pause, questions_of_pause, touched_by_pause
from sayso_bot.domain.interventions import because, who_paused
from sayso_bot.domain.pauses import Pause, Scope, new_pause_id
from sayso_bot.domain.text import one_line
from sayso_bot.errors import Full, NotFound, Taken
from sayso_bot.office.rooms import Proved, Tools


class Stops:
    deeds = (PauseScope, Resume)
    versioned = False

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def was_done(self, call: Call) -> bool:
        return await self._tools.books.answered(call.operation)

    async def preview(self, deed: PauseScope | Resume) -> Effect:
        version = self._tools.version
        if isinstance(deed, Resume):
            pause = self._found(deed)
            what = pause.scope.title
            return Effect("Resume", (f"{what} goes on. {who_paused(pause)}",), (), version, pause.id)
        scope = deed.scope
        if (known := self._of_scope(scope)) is not None:
            raise _paused_already(known)
        pending = await self._tools.count(
            lambda request: scope.covers(request.agent, request.action), action=scope.action, agent=scope.agent
        )
        configuration = self._tools.configuration
        rules, agents = configuration.policy.routes(), [key.name for key in configuration.keys]
        questions = tuple(questions_of_pause(scope, rules, agents))
        return Effect(f"Pause {scope.words}", tuple(of_pause(scope, pending)), questions, version)

    async def carry_out(self, deed: PauseScope | Resume, by: Proved, call: Call) -> Done:
        return await (self._resume(deed, by, call) if isinstance(deed, Resume) else self._pause(deed, by, call))

    async def _pause(self, deed: PauseScope, by: Proved, call: Call) -> Done:
        tools, scope, name = self._tools, deed.scope, one_line(by.admin.name)
        pause = Pause(new_pause_id(), scope, by.admin, deed.why, tools.configuration.read_at)
        text = (
            f"{name} paused {scope.words}{because(deed.why)} Nothing of it is asked or approved until somebody resumes"
            " it; it can be denied."
        )
        notices = tools.notices(text, self._touched(scope))
        answer = await tools.books.pause(pause, notices, operation=call.operation, epochs=by.epochs)
        if answer.code == "same":
            raise _paused_already(answer.pause)
        if answer.code == "full":
            raise Full("There are 50 pauses already. Nothing was changed; resume some, or pause everything.")
        said = f"{scope.title} is paused. What waits says so on its card."
        return Done(said, tools.version, answer.pause, replayed=answer.code == "replay")

    async def _resume(self, deed: Resume, by: Proved, call: Call) -> Done:
        tools = self._tools
        pause = None if await self.was_done(call) else self._found(deed)
        scope, name = pause.scope if pause else deed.scope, one_line(by.admin.name)
        ended = f" {who_paused(pause)}" if pause else ""
        notices = tools.notices(f"{name} resumed {scope.words}: it goes on.{ended}", self._touched(scope))
        answer = await tools.books.resume(
            pause.id if pause else "", scope, by.admin, pause, notices, operation=call.operation, epochs=by.epochs
        )
        if answer.code == "same":
            raise _not_paused()
        over = answer.pause or pause
        said = f"{(over.scope if over else scope).title} goes on.{f' {who_paused(over)}' if over else ''}"
        return Done(said, tools.version, over, replayed=answer.code == "replay")

    def _found(self, deed: Resume) -> Pause:
        pauses = self._tools.configuration.pauses
        for pause in pauses:
            if pause.id == deed.pause if deed.pause else pause.scope == deed.scope:
                return pause
        raise _not_paused()

    def _of_scope(self, scope: Scope) -> Pause | None:
        return next((pause for pause in self._tools.configuration.pauses if pause.scope == scope), None)

    def _touched(self, scope: Scope) -> list[str]:
        """The places at which is asked what ``scope`` stops."""
        configuration = self._tools.configuration
        patterns = [glob for key in configuration.keys if key.name == scope.agent for glob in key.actions]
        return touched_by_pause(scope, configuration.policy.routes(), configuration.routing.routes, patterns)


def _paused_already(pause: Pause | None) -> Taken:
    known = f" {who_paused(pause)}" if pause else ""
    return Taken(f"This is paused already.{known} Nothing was changed.")


def _not_paused() -> NotFound:
    return NotFound("There is no such pause: somebody may have ended it. Nothing was changed.")
