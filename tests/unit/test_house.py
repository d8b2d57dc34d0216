"""The house's rules that import-linter cannot state by itself."""

from __future__ import annotations

import pkgutil
import tomllib
from pathlib import Path

import sayso_bot

ROOT = Path(__file__).resolve().parents[2]
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
