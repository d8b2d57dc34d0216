"""An answer that brings files. They are fetched from Slack after it was told so, because that may take longer than it
waits; the dialog says that nothing counts yet, and a message what became of it.

All that can be judged before is judged before, so that what is wrong is still said at its input.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from sayso_adapters.answering import UNSURE
from sayso_adapters.slack.answers import Answers
from sayso_adapters.slack.fetching import sending
from sayso_adapters.slack.modals import told
from sayso_adapters.slack.workspaces import Workspace
from sayso_bot.domain.demands import check_but_files, check_reason, check_typed
from sayso_bot.domain.json import Json
from sayso_bot.domain.request import Request
from sayso_bot.errors import CannotCheck, NotAnApprover, ResponseInvalid, SaysoError, Unavailable
from sayso_bot.ports import AdapterContext, AdapterError, Ballot, Filed, Put

FETCHING = (
    "Your files are being fetched from Slack. Your answer does not count yet; a message to you alone says what"
    " became of it."
)
_NOT_COUNTED = "Your vote was not counted; tap again on the card."

Tell = Callable[[str], Awaitable[None]]


class Filling:
    def __init__(self, context: AdapterContext, answers: Answers) -> None:
        self._desk = context.desk
        self._log = context.log
        self._answers = answers

    async def check(self, ballot: Ballot, request: Request, named: Mapping[str, Sequence[str]]) -> None:
        """Raise `VoteRefused` for what is wrong already."""
        check_reason(request, ballot.outcome, ballot.reason)
        check_typed(request, ballot.outcome, ballot.typed)
        check_but_files(request, ballot.response or {}, {name: len(files) for name, files in named.items()})
        standing = await self._desk.standing(request, ballot.person, surface=ballot.surface)
        if not standing.may_vote:
            refusal = CannotCheck if standing.unsure else NotAnApprover
            raise refusal(standing.why_not or "You may not answer this now.", then="Your vote was not counted.")

    async def finish(
        self,
        ballot: Ballot,
        named: Mapping[str, Sequence[str]],
        workspace: Workspace,
        user: str,
        view: str,
        tell: Tell,
    ) -> None:
        """Fetch the files, vote, and say what became of it: by ``tell``, and in the dialog ``view`` while it is open.

        The dialog alone would not do. What we are quick to say there, Slack may replace by our earlier answer, that
        the files are being fetched.
        """
        said = UNSURE
        try:
            said = await self._outcome(ballot, named, workspace, user, view)
        finally:
            await tell(said)
            await self._show(workspace, view, said)

    async def _outcome(
        self, ballot: Ballot, named: Mapping[str, Sequence[str]], workspace: Workspace, user: str, view: str
    ) -> str:
        try:
            response: dict[str, Json] = dict(ballot.response or {})
            for field, files in named.items():
                response[field] = [(await self._put(ballot, field, file, workspace, user, view)) for file in files]
            voted = await self._answers.vote(replace(ballot, response=response))
        except ResponseInvalid as error:
            return " ".join([error.detail, *(f"{name}: {why}" for name, why in error.fields.items())])
        except Unavailable as error:
            self._log.warning("slack.files_not_kept", user=user, code=error.code)
            return UNSURE
        except SaysoError as error:
            return f"{error.detail} {_NOT_COUNTED}"
        return self._answers.counted(voted.request, ballot)

    async def _put(self, ballot: Ballot, field: str, file: str, workspace: Workspace, user: str, view: str) -> str:
        async def attempt() -> Filed:
            sent = await sending(workspace, file, user, f"slack:view:{view}:{file}")
            put = Put(ballot.request_id, ballot.person, field, sent, ballot.surface)
            return await self._desk.put_file(put)

        return (await self._answers.surely(attempt)).file.id

    async def _show(self, workspace: Workspace, view: str, said: str) -> None:
        try:
            await workspace.call("views.update", view_id=view, view=told(said))
        except AdapterError as error:
            self._log.debug("slack.dialog_closed_meanwhile", what=error.what)
