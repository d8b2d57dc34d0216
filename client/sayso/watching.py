"""What a person sees on standard error while ``sayso ask`` waits.

On a terminal one live line: who may answer, where, and how much time is left. Elsewhere one plain line when the request
is made, so that a log says where to answer. Everything from the service is escaped.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING

import typer

from sayso.asking import Progress
from sayso.durations import left
from sayso.request import Request
from sayso.terminal import visible

if TYPE_CHECKING:
    from rich.status import Status
    from rich.text import Text


class Watching:
    """Give `progress` to ``ask``. ``request_id`` is known once the request is made."""

    def __init__(self) -> None:
        self._status: Status | None = None
        self._told: str | None = None
        self._now = Progress(None, None)
        self.request_id: str | None = None

    def __enter__(self) -> Watching:
        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status(_Line(self))
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def progress(self, progress: Progress) -> None:
        self._now = progress
        if progress.request is None:
            return
        self.request_id = progress.request.id
        if self._status is None and self._told is None:
            self._told = progress.request.id
            typer.echo(f"{self.request_id} is waiting for {_who(progress.request)}", err=True)

    def line(self) -> str:
        """The live line as it reads now."""
        request, trouble = self._now.request, self._now.trouble
        said = "Asking" if request is None else f"Waiting for {_who(request)}{_time_left(request)}"
        return f"{said} (trying again: {visible(trouble)})" if trouble else said


class _Line:
    """Drawn anew on every refresh, so the time that is left ticks."""

    def __init__(self, watching: Watching) -> None:
        self._watching = watching

    def __rich__(self) -> Text:
        from rich.text import Text

        return Text(self._watching.line())


def _who(request: Request) -> str:
    requirement = request.requirement
    people = ", ".join(requirement.approvers) if requirement and requirement.approvers else ""
    who = people or (f"whoever may answer in {requirement.channel}" if requirement else "a decision")
    if requirement and requirement.quorum > 1:
        who = f"{requirement.quorum} of {who}"
    return visible(f"{who} at {request.review_url}" if request.review_url else who)


def _time_left(request: Request) -> str:
    if request.expires_at is None:
        return ""
    return f", {left((request.expires_at - datetime.now(UTC)).total_seconds())} left"
