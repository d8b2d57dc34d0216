"""``sayso demo``: the whole way on this machine, with a Redis, an inbox, a key and an agent of its own.

Nothing is played: the agent is a program of its own that asks over HTTP, and its answer comes from the inbox's own
button, pressed by you or, where nobody is there, over HTTP as a browser would.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Annotated, Literal

import httpx
import typer
from rich.console import Console

from sayso_bot.domain.key import Key, new_key_id, new_secret, secret_digest
from sayso_bot.domain.person import OPERATOR
from sayso_bot.domain.request import Outline
from sayso_bot.errors import Unusable
from sayso_bot.ports import Filter
from sayso_bot.settings import Settings
from sayso_bot.telemetry import configure_logs
from sayso_bot.wiring import Service, running_service

ASKING = (
    "ask", "payments.refund", "--param", 'order="A-1041"', "--param", "amount=129.9", "--param", 'currency="EUR"',
    "--summary", "Refund order A-1041, which arrived broken",
)  # fmt: skip
ASKS_WITHIN_SECONDS = 30.0
TOLD_TO_END = 143
_OUTCOMES: dict[str, Literal["approve", "deny"]] = {"a": "approve", "d": "deny"}


def command(
    agent: Annotated[
        list[str] | None,
        typer.Argument(help="The agent's command. It is given SAYSO_URL and SAYSO_KEY.", show_default="sayso ask …"),
    ] = None,
) -> None:
    """Run the whole way once: an agent asks, a person answers, the agent goes on."""
    configure_logs("console", "error")
    with tempfile.TemporaryDirectory(prefix="sayso-demo-") as folder:
        try:
            asyncio.run(_demo(agent or [str(Path(sys.executable).parent / "sayso"), *ASKING], Path(folder)))
        except asyncio.CancelledError:
            raise typer.Exit(TOLD_TO_END) from None


async def _demo(agent: Sequence[str], folder: Path) -> None:
    port = _free_port()
    settings = Settings.load({"SAYSO_DATA_DIR": str(folder / "data"), "SAYSO_PORT": str(port)})
    console = Console(soft_wrap=True, highlight=False)
    _end_when_told()
    async with running_service(settings, {}) as service:
        console.print(f"[bold]Sayso[/] runs at {settings.public_url}, with a Redis of its own.")
        secret = await _key(service)
        environ = os.environ | {"SAYSO_URL": settings.public_url, "SAYSO_KEY": secret}
        program = await asyncio.create_subprocess_exec(*agent, env=environ, stdin=asyncio.subprocess.DEVNULL)
        try:
            request = await _asked(service, program)
            await _answered(service, request, console)
            code = await program.wait()
        finally:
            if program.returncode is None:
                program.kill()
                await program.wait()
        _report(await service.desk.look(request.id), code, console)


def _end_when_told() -> None:
    """Leave no Redis and no folder behind where the terminal is closed, or something ends this process."""
    task = asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if task and signal.getsignal(number) is signal.SIG_DFL:
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _key(service: Service) -> str:
    secret = new_secret(service.settings.book)
    now = datetime.now(UTC)
    key = Key(new_key_id(), "demo-agent", frozenset({"agent"}), ("*",), secret_digest(secret), now)
    await service.store.put_key(key, "key_created")
    return secret


async def _asked(service: Service, program: asyncio.subprocess.Process) -> Outline:
    """The agent's request, once it has asked. Raises `Unusable` when it ends or waits instead."""
    loop = asyncio.get_running_loop()
    until = loop.time() + ASKS_WITHIN_SECONDS
    while program.returncode is None and loop.time() < until:
        page = await service.desk.browse(Filter(), cursor=None, limit=1)
        if page.items:
            return page.items[0]
        await asyncio.sleep(0.05)
    raise Unusable("The agent did not ask for anything.")


async def _answered(service: Service, request: Outline, console: Console) -> None:
    """Wait for a person's answer; where there is no terminal, press the button for them."""
    if service.sign_in_link is None:
        raise Unusable("The demo needs the inbox.")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        console.print("There is no terminal, so the demo presses the inbox's own Approve button over HTTP.")
        await _press(service, request, "approve")
        return
    link = await service.sign_in_link(OPERATOR, "Operator")
    console.print(f"\nAnswer in your browser: [bold]{link}[/]")
    console.print("or here: [bold]a[/] approves, [bold]d[/] denies, then Enter.\n")
    async with _typed() as lines:
        while not (await service.desk.look(request.id)).settled:
            try:
                line = await asyncio.wait_for(lines.get(), 0.2)
            except TimeoutError:
                continue
            outcome = _OUTCOMES.get(line.strip().lower()[:1])
            if outcome:
                await _press(service, request, outcome)
                return


@asynccontextmanager
async def _typed() -> AsyncIterator[asyncio.Queue[str]]:
    """Lines typed at the terminal."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        line = sys.stdin.readline()
        if not line:  # Ctrl-D: nothing more will come
            loop.remove_reader(sys.stdin.fileno())
        lines.put_nowait(line)

    loop.add_reader(sys.stdin.fileno(), read)
    try:
        yield lines
    finally:
        loop.remove_reader(sys.stdin.fileno())


async def _press(service: Service, request: Outline, outcome: str) -> None:
    """Sign in by a link and press the button on the request's page, as a browser would."""
    if service.sign_in_link is None:
        raise Unusable("The demo needs the inbox.")
    token = (await service.sign_in_link(OPERATOR, "Operator")).partition("#")[2]
    base = service.settings.public_url
    async with httpx.AsyncClient(base_url=base, headers={"Origin": base}, trust_env=False) as browser:
        signed_in = await browser.post("/inbox/session", data={"token": token})
        page = await browser.get(f"/inbox/requests/{request.id}?view=whole")
        form = _Form()
        form.feed(page.text)
        answered = await browser.post(form.action, data={**form.fields, "outcome": outcome})
    if signed_in.status_code != 200 or answered.status_code not in (200, 303):
        raise Unusable("The inbox did not take the demo's answer.")


class _Form(HTMLParser):
    """The hidden fields and the address of the page's answer form."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and found.get("id") == "answer":
            self.action, self._inside = found.get("action", ""), True
        elif tag == "input" and self._inside and found.get("type") == "hidden":
            self.fields[found["name"]] = found.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


def _report(request: Outline, code: int, console: Console) -> None:
    votes = request.decision.votes if request.decision else ()
    by = ", ".join(f"{vote.name} in the {vote.surface}" for vote in votes)
    console.print(f"\nDecision: [bold]{request.status}[/]{f' by {by}' if by else ''}. The agent ended with {code}.")
    console.print("Next: [bold]Five minutes with your own agent[/] in the README.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
