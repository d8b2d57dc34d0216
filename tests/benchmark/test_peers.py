"""The comparison with peers, without them: where it runs, and what its rows say of that."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.peers import __main__ as peers
from bench.peers.environments import Broken
from bench.peers.measuring import Sample
from bench.peers.report import rows


def test_all_services_and_the_load_keep_to_the_same_two_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept: list[list[int]] = []

    async def not_installed() -> dict[tuple[str, int], Sample]:
        assert kept, "nothing is started before"
        raise Broken("It is not there.")

    monkeypatch.setattr(peers, "_measured", not_installed)
    monkeypatch.setattr(peers, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, chosen: kept.append(chosen))
    assert peers.main() == 1
    assert kept == [[0, 1]]


def test_a_row_says_how_many_cores_were_used_and_not_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5})
    sample = Sample(rates=[100.0], wakes=[0.1], busy=[0.2])
    found = rows({("sayso", 1): sample, ("other", 1): sample}, ours="sayso")
    assert {row.measured_at["cores"] for row in found} == {1}
