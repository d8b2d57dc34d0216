"""docs/commands.md shows commands that exist, with the defaults that hold."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from sayso_bot.cli import requests
from sayso_bot.cli.keys import BURST_SECONDS
from sayso_bot.domain.key import Quotas
from unit.cli.office import Operator

PAGE = (Path(__file__).parents[3] / "docs" / "commands.md").read_text(encoding="utf-8")
EXAMPLES = [
    shlex.split(line)
    for block in re.findall(r"```\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("sayso ")
]
GROUPS = {"keys", "requests", "policy", "routes", "channels"}


@pytest.mark.parametrize("words", EXAMPLES, ids=" ".join)
def test_a_command_of_the_page_takes_the_options_that_it_shows(operator: Operator, words: list[str]) -> None:
    length = 3 if words[1] in GROUPS else 2
    shown = operator.ok(*words[1:length], "--help").out
    assert all(word in shown for word in words[length:] if word.startswith("--"))


def test_every_command_is_on_the_page(operator: Operator) -> None:
    shown = operator.ok("--help").out
    named = set(re.findall(r"│ ([a-z]+) ", shown)) - {"ask"}
    assert named
    assert all(f"`sayso {name}" in PAGE for name in named), named


def test_the_defaults_of_the_page_hold() -> None:
    quotas = Quotas()
    assert f"`{quotas.rate:g}/s`" in PAGE
    assert f"| `--pending N` | requests open at once | {quotas.pending} |" in PAGE
    assert f"| `--held N` | calls held at once | {quotas.held} |" in PAGE
    assert (BURST_SECONDS, quotas.burst / quotas.rate) == (5, 5)
    assert f"{requests.DEFAULT_PAGE} at a time (`--limit`, up to\n{requests.LARGEST_PAGE}" in PAGE
