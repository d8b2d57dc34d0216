"""How the tests run: properties are judged by what they find, not by how busy the machine was, and the long ones begin
first, so that no worker is left alone with them at the end.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

LONGEST_FIRST = ("browser", "stories", "e2e", "faults", "contract", "unit")

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """By folder; within one, in the random order that they came in."""
    here = Path(__file__).parent
    order = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path.relative_to(here).parts[0], 0))
