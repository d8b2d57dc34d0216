"""The snippets of docs/client.md and the example run as they are printed."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes.http_api import KEY, HttpApi

ROOT = Path(__file__).parents[3]
SNIPPETS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "client.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
async def test_a_snippet_runs(api: HttpApi, monkeypatch: pytest.MonkeyPatch, snippet: str) -> None:
    monkeypatch.setenv("SAYSO_URL", api.url)
    monkeypatch.setenv("SAYSO_KEY", KEY)
    names: dict[str, Any] = {}
    await asyncio.to_thread(exec, compile(snippet, "client.md", "exec"), names)
    if "refund" in names:
        assert "refunded" in await asyncio.to_thread(names["refund"], "A-1041", 129.9)
    assert api.requests


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        ("approved", 0, "Refunded 129.9 for order A-1041"),
        ("denied", 3, "I do not refund"),
        ("expired", 4, "not a no"),
        ("cancelled", 5, "withdrawn"),
    ],
)
async def test_the_example_agent_does_what_people_say(api: HttpApi, answer: str, code: int, says: str) -> None:
    api.answer = answer
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "examples" / "agent.py"),
        env={"SAYSO_URL": api.url, "SAYSO_KEY": KEY},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == code
    assert says in out.decode()
    assert ("Refunded" in out.decode()) == (answer == "approved")
