"""The benchmark in its shortest form: every row is measured on the real processes, and none passes for a whole run."""

from __future__ import annotations

import asyncio
import importlib
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as bench
from bench.__main__ import MEASURES, chosen
from bench.helper import helper
from bench.load import Pump, Unexpected, connected
from bench.processes import program
from bench.rows import Row
from bench.scale import TINY, WHOLE
from bench.table import closing_line
from bench.under_attack import Attack, attacks
from bench.waiting import percentile
from bench.workload import Submissions
from redis_server import free_port

ROWS = {"intake": 1, "wake": 3, "held": 1, "growth": 3, "start": 3, "taps": 1, "burst": 2, "routes": 1, "policy": 3}
DIFFERENCES = {  # of either sign where a run is this small; what each was measured at is not
    "matching, 40 rules of which 3 match: beyond that with 3 rules": "with_all_us",
    "memory of a held call": "before_mib",
}


class Silent:
    """Progress that shows nothing, and holds a measure to the steps that it said it would take."""

    def begin(self, what: str, steps: int) -> None:
        self.left = steps

    def step(self, note: str = "") -> None:
        self.left -= 1


@pytest.mark.parametrize("name", sorted(ROWS.keys() - {"growth", "intake"}))
async def test_a_tiny_run_gives_rows_that_say_how_they_were_measured_and_are_not_ok(name: str) -> None:
    await rows_of_a_tiny_run(name, ROWS[name])


async def rows_of_a_tiny_run(name: str, count: int) -> list[Row]:
    progress = Silent()
    rows: list[Row] = await importlib.import_module(f"bench.{name}").rows(TINY, progress)
    assert len(rows) == count
    assert progress.left >= 0
    for row in rows:
        said = json.loads(json.dumps(row.as_json()))
        assert math.isfinite(said["value"])
        assert (said["measured_at"][DIFFERENCES[row.name]] if row.name in DIFFERENCES else said["value"]) > 0
        assert said["unit"]
        assert ("at_least" in said) != ("at_most" in said)
        assert said["ok"] is False
        assert not row.whole
        assert {"cores", "cpu_share"} <= said["measured_at"].keys()
    return rows


async def test_intake_says_what_the_processes_of_all_its_rounds_used() -> None:
    [row] = await rows_of_a_tiny_run("intake", 1)
    about = row.measured_at
    assert (about["slices"], about["rounds"]) == (2, 2)
    assert {name: set(shares) for name, shares in about["cpu_share"].items()} == {
        "sayso": {"server", "redis", "generator"},
        "ceiling": {"server", "redis", "generator"},
        "echo": {"server", "generator"},
    }
    assert about["cpu_seconds_per_1000_requests"].keys() == about["cpu_share"].keys()


async def test_under_attack_says_what_honest_agents_did_and_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_bad_keys(*arguments: Any) -> Sequence[Attack]:
        return attacks(*arguments)[-1:]

    monkeypatch.setattr("bench.under_attack.attacks", only_bad_keys)
    for row in await rows_of_a_tiny_run("under_attack", 3):
        about = row.measured_at
        assert (about["held"], about["slices"], about["rounds"]) == (20, 8, 2)
        assert {"server", "redis", "attacker", "agents", "people", "generator"} == about["cpu_share"].keys()


async def test_a_tiny_run_of_growth_says_what_was_truly_pending_in_both_books() -> None:
    listed, woken, submitted = [row.measured_at for row in await rows_of_a_tiny_run("growth", ROWS["growth"])]
    for about in (listed, woken):
        assert about["pending"] == {"many": [TINY.many] * 2, "few": [TINY.few] * 2}
    for which, seeded in (("many", TINY.many), ("few", TINY.few)):
        first, last = submitted["pending"][which]
        assert first == seeded < last
    for about in (listed, woken, submitted):
        assert about["held"] == 10
        assert {"server", "agents", "people", "generator"} == about["cpu_share"]["few"].keys()
    assert woken["decisions_per_second"] == TINY.decisions
    assert listed["connections"] == submitted["connections"] == TINY.connections


async def test_an_answer_that_was_not_expected_fails_the_run() -> None:
    port = free_port()
    async with program("bench.ceilings.echo", port):
        connections = await connected(port, 2)
        with pytest.raises(Unexpected, match="201"):
            await Pump(connections, Submissions(port).next, 200).run(0.1)


async def test_a_server_that_ends_fails_the_run() -> None:
    port = free_port()
    async with program("bench.ceilings.echo", port):
        connections = await connected(port, 2)
    with pytest.raises(Unexpected, match="ended"):
        await Pump(connections, Submissions(port).next, 201).run(5)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(share: float, expected: float) -> None:
    assert percentile([float(value) for value in range(100, 0, -1)], share) == expected


def test_the_closing_line_names_what_does_not_hold() -> None:
    held = Row("a", 1.0, "ratio", at_least=0.9)
    short = Row("b", 1.0, "ratio", at_least=0.9, whole=False)
    missed = Row("c", 1.0, "ms", at_most=0.9)
    assert closing_line([held], {}) == "All 1 rows hold."
    assert closing_line([held, short, missed], {}) == "1 of 3 rows hold; not ok: b; c."
    assert closing_line([held], {"wake": "it ended."}) == "1 of 1 rows hold; wake broke off: it ended."


def test_a_measure_that_breaks_off_leaves_the_others_their_rows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def good(*_: object) -> list[Row]:
        return [Row("a good one", 1.0, "ms", at_most=2.0)]

    async def bad(*_: object) -> list[Row]:
        raise Unexpected("the server does not come to hold 10,000 calls\nand a log")

    monkeypatch.setattr("bench.wake.rows", bad)
    monkeypatch.setattr("bench.held.rows", good)
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(bench, "keep_to_two_cores", lambda: None)
    monkeypatch.setattr(bench, "configure_logs", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["bench", "wake", "held"])
    assert bench.main() == 1
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "1 of 1 rows hold; wake broke off: the server does not come to hold 10,000 calls."
    assert [row["name"] for row in json.loads((tmp_path / "results.json").read_text())] == ["a good one"]


@pytest.mark.parametrize("ended", [KeyboardInterrupt, asyncio.CancelledError])
async def test_whoever_ends_the_run_ends_all_of_it(
    ended: type[BaseException], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    began = []

    async def interrupted(*_: object) -> list[Row]:
        began.append(1)
        raise ended

    monkeypatch.setattr("bench.wake.rows", interrupted)
    monkeypatch.setattr("bench.held.rows", interrupted)
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "results.json")
    with pytest.raises(ended):
        await bench.measured(["wake", "held"])
    assert len(began) == 1


async def test_an_error_in_a_process_of_the_load_is_told_as_it_was() -> None:
    port = free_port()
    async with program("bench.ceilings.echo", port), helper("bench.agents") as agents:
        await agents.do("hold", port, 1, ["req_1"], Submissions(port).next().decode())
        with pytest.raises(RuntimeError, match="201: "):
            await agents.do("woken", ["req_1"])


def test_a_run_is_whole_only_when_no_part_is_smaller() -> None:
    assert not TINY.is_whole
    assert WHOLE.slices > TINY.slices


def test_all_measures_run_unless_some_are_named() -> None:
    assert set(ROWS) <= set(chosen([])) <= set(MEASURES)
    assert chosen(["wake"]) == ["wake"]
    with pytest.raises(SystemExit):
        chosen(["nothing"])
