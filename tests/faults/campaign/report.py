"""What is shown of a campaign: how far it is, what was done to the service, what held, the story of what did not."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from faults.campaign.campaign import Outcome
from faults.campaign.checks import wake_seconds
from faults.campaign.evidence import DELIVERY, Evidence, story
from faults.campaign.ledger import Case, Ledger
from faults.campaign.plan import LISTED

MOST_STORIES = 3
LINE_SECONDS = 30.0


class Bar:
    """A progress bar of one stage after the other, with the faults that are on. Where nobody sees a bar, a line each
    half minute.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._is_seen = progress.console.is_terminal
        self._task = progress.add_task("starting", total=None, faults="")
        self._next_line = 0.0

    def stage(self, name: str, requests: int) -> None:
        self._progress.stop_task(self._task)
        self._task = self._progress.add_task(name, total=requests, faults="")
        self._say(f"{name}: {requests} requests")

    def settled(self) -> None:
        self._progress.advance(self._task)
        if time.monotonic() >= self._next_line:
            task = self._progress.tasks[self._task]
            self._say(f"{task.description}: {task.completed:.0f} of {task.total:.0f}  {task.fields['faults']}")

    def faults(self, now: Mapping[str, str]) -> None:
        self._progress.update(self._task, faults="; ".join(now.values()))

    def _say(self, line: str) -> None:
        self._next_line = time.monotonic() + LINE_SECONDS
        if not self._is_seen:
            self._progress.console.print(f"{time.strftime('%H:%M:%S')}  {line}")


def progress(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description:<26}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[faults]}"),
    )
    return Progress(*columns, console=console)


def show(outcome: Outcome, console: Console) -> None:
    """The tables and the stories of what failed."""
    console.print(_table(outcome))
    console.print(_deeds(outcome.ledger))
    console.print(_wakes(outcome))
    for complaint in outcome.ledger.complaints:
        console.print(f"[bold red]{complaint}")
    for failure, _ in outcome.failures:
        console.print(f"[bold red]Request {failure.case.number} ({failure.case.plan.people}): {failure.what}")
    for case, evidence in _failed(outcome)[:MOST_STORIES]:
        _tell(outcome.ledger, evidence, case, console)


def keep(outcome: Outcome, folder: Path) -> None:
    """The story of everything that failed, each in a file of its own."""
    (folder / "stories").mkdir(exist_ok=True)
    for case, evidence in _failed(outcome):
        with (folder / "stories" / f"{case.number}.txt").open("w") as file:
            _tell(outcome.ledger, evidence, case, Console(file=file, width=250))


def _failed(outcome: Outcome) -> list[tuple[Case, Evidence]]:
    found = {failure.case.number: (failure.case, evidence) for failure, evidence in outcome.failures}
    return list(found.values())


def line(outcome: Outcome) -> str:
    """The one line that says what held."""
    ledger = outcome.ledger
    asked, taps = len(ledger.cases), sum(len(case.taps) for case in ledger.cases.values())
    done = (
        f"{asked:,} requests, {taps:,} taps, {ledger.kills['service']} kills of the service, {ledger.kills['redis']} of"
        f" Redis, {sum(ledger.faults.values())} faults in all, {outcome.seconds:.0f} s"
    )
    done = f"{done} ({_ways(outcome)})"
    if outcome.broke_off:
        done = f"{done}, then it broke off ({outcome.broke_off})"
    if outcome.broke_off or outcome.failures or ledger.complaints:
        return f"{done}: {len(outcome.failures) + len(ledger.complaints)} things do not agree."
    if not outcome.holds:
        return f"{done}: never seen to take hold: {', '.join(outcome.untried)}."
    late = len(ledger.doubles)
    held = "nothing lost, nothing decided or posted twice, nothing approved while paused, nobody waiting"
    return f"{done}: {held}, {late} late doubles."


def _ways(outcome: Outcome) -> str:
    """How much of it came in which way."""
    cases = outcome.ledger.cases.values()
    taps = [tap for case in cases for tap in (*case.taps, *case.edits)]
    journal = [entry for evidence in outcome.evidence for entries in evidence.journal.values() for entry in entries]
    counts = {
        "dialogs sent": sum(tap.given is not None for tap in taps),
        "over sockets": sum(not tap.replica for tap in taps),
        "lists": sum(len(evidence.lists) for evidence in outcome.evidence),
        "answers on them": sum(len(case.taps) for case in cases if case.plan.family == LISTED),
        "edits": sum(entry.kind == "edited" for entry in journal),
        "moved to a fallback": sum(entry.kind == "moved" and entry.data["by"] == DELIVERY for entry in journal),
        "moved by admins": sum(entry.kind == "moved" and entry.data["by"] != DELIVERY for entry in journal),
        "principals told": sum(entry.kind == "told" for entry in journal),
        "refused while paused": sum(no.code == "paused" for case in cases for no in case.refused),
        "taps while paused": sum(any("is paused" in text for text in tap.told) for tap in taps),
    }
    return ", ".join(f"{count:,} {what}" for what, count in counts.items())


def _table(outcome: Outcome) -> Table:
    table = Table("fault", "times", title="What was done to it")
    for name, count in sorted((dict.fromkeys(outcome.untried, 0) | outcome.ledger.faults).items()):
        table.add_row(name, str(count))
    return table


def _deeds(ledger: Ledger) -> Table:
    table = Table("deed", "by the API", "in Slack", "found nothing to do", title="What admins did meanwhile")
    ways = Counter((deed.kind, deed.way) for deed in ledger.deeds.all if deed.known_at)
    refused = Counter(deed.kind for deed in ledger.deeds.all if deed.refused)
    for kind in sorted({deed.kind for deed in ledger.deeds.all}):
        table.add_row(kind, *(str(times) for times in (ways[kind, "api"], ways[kind, "slack"], refused[kind])))
    return table


def _wakes(outcome: Outcome) -> str:
    """How long held calls waited after the decision, where no fault was near."""
    ledger = outcome.ledger
    late = [
        wake_seconds(ledger, told)
        for case in ledger.cases.values()
        for told in case.told
        if told.held and told.settled_at and _calm(ledger, told.asked_at, told.settled_at, told.at)
    ]
    if len(late) < 2:
        return "No held call was woken undisturbed."
    cuts = statistics.quantiles(late, n=100)
    return f"Undisturbed wake-ups: {len(late)}, median {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms."


def _calm(ledger: Ledger, asked: float, settled: float, answered: float) -> bool:
    """Whether the call was held at the decision, and no fault was at work from a second before it on."""
    return asked < settled < answered and ledger.is_calm(settled - 1, answered)


def _tell(ledger: Ledger, evidence: Evidence, case: Case, console: Console) -> None:
    console.rule(f"The story of request {case.number}, {', '.join(sorted(case.ids)) or 'which nobody heard of'}")
    plan = case.plan
    console.print(f"Planned: {plan.action}; people: {plan.people}; its agent {plan.manner}; world: {case.world}")
    for event in story(ledger, evidence, case):
        at = datetime.fromtimestamp(event.at, UTC).strftime("%H:%M:%S.%f")[:-3]
        console.print(
            f"{at}  {event.who:<22} {event.what}", style="yellow" if event.who == "fault" else None, markup=False
        )
