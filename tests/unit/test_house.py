"""The house's rules that import-linter cannot state by itself."""

from __future__ import annotations

import pkgutil
import tomllib
from collections import Counter
from pathlib import Path

import sayso_bot

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = ROOT / "docs" / "decisions"
FOR_ADAPTERS = {"domain", "ports", "errors"}


def contract(name: str) -> dict[str, list[str]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    found: dict[str, list[str]] = next(
        contract for contract in settings["tool"]["importlinter"]["contracts"] if contract["name"] == name
    )
    return found


def test_adapters_may_import_three_rooms_of_the_bot_and_every_other_is_forbidden_by_name() -> None:
    rooms = {module.name for module in pkgutil.iter_modules(sayso_bot.__path__)}
    forbidden = contract("Adapters know domain, ports and errors only")["forbidden_modules"]
    assert {name.removeprefix("sayso_bot.") for name in forbidden} == rooms - FOR_ADAPTERS


def test_adapters_are_all_named_as_independent_of_one_another() -> None:
    folders = {
        path.name for path in (ROOT / "adapters" / "sayso_adapters").iterdir() if (path / "__init__.py").exists()
    }
    named = contract("Adapters do not know one another")["modules"]
    assert {name.removeprefix("sayso_adapters.") for name in named} == folders


def test_every_decision_has_a_number_of_its_own_and_stands_in_the_index_under_its_title() -> None:
    index = (DECISIONS / "README.md").read_text("utf-8")
    decisions = sorted(path for path in DECISIONS.glob("*.md") if path.name != "README.md")
    assert len({path.name[:4] for path in decisions}) == len(decisions)
    for path in decisions:
        heading = path.read_text("utf-8").splitlines()[0].removeprefix("# ")
        assert int(path.name[:4]) == int(heading.partition(".")[0])
        assert index.count(f"[{heading}]({path.name})") == 1, path.name


def test_no_two_tests_are_in_files_of_one_name() -> None:
    """They could not be collected in one run."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
