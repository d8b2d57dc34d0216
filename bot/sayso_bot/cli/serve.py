"""``sayso serve``: run the service until it is told to end."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from sayso_bot.cli.garbage import look_for_garbage
from sayso_bot.domain.person import OPERATOR
from sayso_bot.errors import Unavailable, Unusable
from sayso_bot.opening import configured_adapters, policy_on_platforms_off
from sayso_bot.policy import LoadedPolicy
from sayso_bot.settings import Settings, environment
from sayso_bot.telemetry import configure_logs, logger
from sayso_bot.wiring import Service, running_service
from sayso_bot.workers.tasks import running

QUIET_SECONDS = 60.0
LONGEST_TURN_SECONDS = 0.001
"""A thread that reads a long policy gives way to the loop after this at most; by itself after five times that."""
LARGE_BYTES = 512 * 1024
"""Above the quarter of a megabyte that is set aside for each read from a connection."""
_M_MMAP_THRESHOLD = -3
MOST_ON_MACOS = 10_240
_LINK_FILE = "sign-in-link"


def command() -> None:
    """Run the service. It is set up by environment variables that begin with SAYSO_; docs/settings.md lists them."""
    settings = Settings.load()
    configure_logs(settings.log_format, settings.log_level)
    gc.disable()  # what is made until it runs is there to stay; then `look_for_garbage` takes over
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    _use_all_descriptors()
    _give_memory_back()
    sys.setswitchinterval(LONGEST_TURN_SECONDS)
    asyncio.get_running_loop().set_exception_handler(_once_a_minute())
    ended = asyncio.Event()
    _on_signals(ended)
    async with running_service(settings) as service:
        if service.connections_warning:
            logger("service").warning("few_connections", detail=service.connections_warning)
        await _say_how_to_begin(service)
        async with running(look_for_garbage(service.connections), logger("garbage")):
            await ended.wait()
        typer.echo("Ending: held calls are answered, work is handed back.", err=True)


def _use_all_descriptors() -> None:
    """Each held call is a connection: allow as many open files as this user may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):  # macOS names no limit and takes this at most
        resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_ON_MACOS, hard))


def _give_memory_back() -> None:
    """Have the system's allocator give large answers back when they are sent. By itself glibc comes to keep them, so
    that a flood of them would grow the process by several times what they need at once. Other systems do not."""
    if hasattr(allocator := ctypes.CDLL(None), "mallopt"):
        allocator.mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)


def _once_a_minute() -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """A handler for errors that only the loop sees. Each kind is logged once a minute, so that none floods the log."""
    log, said = logger("loop"), dict[str, float]()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        what = str(context.get("message", "error"))[:80]
        if loop.time() - said.get(what, float("-inf")) >= QUIET_SECONDS:
            said[what] = loop.time()
            log.error("loop_error", what=what, exc_info=context.get("exception"))

    return handle


def _on_signals(ended: asyncio.Event) -> None:
    """The first signal asks, the second insists."""

    def told() -> None:
        if ended.is_set():
            os._exit(130)
        ended.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told)


async def _say_how_to_begin(service: Service) -> None:
    """Five lines: where, how to sign in, which policy, how to make a key, how to ask."""
    settings = service.settings
    lines = (
        ("Address", settings.public_url),
        ("Sign in", await _sign_in(service)),
        ("Policy", _policy(service)),
        ("Key", "sayso keys create my-agent"),
        ("Ask", f"SAYSO_URL={settings.public_url} SAYSO_KEY=sk_… sayso ask payments.refund --param amount=12"),
    )
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print()
    for label, text in lines:
        console.print(Text(f"  {label:<8}", style="bold") + Text(text))
    console.print()


def _policy(service: Service) -> str:
    """Which policy is in force, and which platforms it names in vain."""
    if service.configuration.is_built_in:
        return "the built-in default: every action is asked in the inbox"
    loaded = service.configuration.policy
    if not isinstance(loaded, LoadedPolicy):
        return loaded.digest
    off = {platform for _, platform, _ in policy_on_platforms_off(loaded, configured_adapters(environment()))}
    return f"{loaded.digest} (not set up: {', '.join(sorted(off))}; see sayso doctor)" if off else loaded.digest


async def _sign_in(service: Service) -> str:
    """The operator's link on a terminal; elsewhere it goes to a file, because output is kept in logs."""
    command = "sayso inbox link --person you@example.com"
    if service.sign_in_link is None:
        return "no inbox is configured"
    if service.settings.redis_url is not None and not sys.stderr.isatty():
        return command
    try:
        link = await service.sign_in_link(OPERATOR, "Operator")
    except Unavailable:  # Redis is away just now: the service goes on and waits for it
        return command
    if sys.stderr.isatty():
        return f"{link}  (once, within ten minutes)"
    return f"the link in {_written(service.settings.data_dir / _LINK_FILE, link)} (once, within ten minutes)"


def _written(path: Path, link: str) -> Path:
    path.unlink(missing_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        raise Unusable(f"The sign-in link cannot be written to {path}.") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(link + "\n")
    return path
