"""Start: how long `sayso serve` takes from being called to answering that it is ready, in a new data folder.

The service runs from compiled modules, as it does from its second start on: each way is started once before it is
measured. Slack and Teams are the stand-ins. Nobody asks and nobody waits, so there is no rate and nothing held; what
else was used of the processor is what the service itself took until it was ready, without its Redis.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from bench.processes import Shares, cpu_seconds, program
from bench.rows import Row
from bench.scale import Progress, Scale, cores
from bench.slack import CHANNEL
from bench.workload import POLICY
from fakes.slack import FakeSlack
from fakes.teams import FakeTeams
from redis_server import free_port
from service import ServiceProcess

AT_MOST = {"inbox only": 1.5, "with Slack": 3.0, "with Slack and Teams": 3.0}
IN_THE_INBOX = POLICY.replace(f"slack:{CHANNEL}", "inbox")
LOOK_SECONDS = 0.005
PATIENCE_SECONDS = 30.0


async def rows(scale: Scale, progress: Progress) -> list[Row]:
    progress.begin("start", len(AT_MOST) * scale.starts)
    port = free_port()
    async with program("bench.slack", port), FakeTeams() as teams:
        slack = FakeSlack(port=port).settings()
        ways: dict[str, Mapping[str, str]] = {
            "inbox only": {},
            "with Slack": slack,
            "with Slack and Teams": {**slack, **teams.settings()},
        }
        return [await asyncio.to_thread(_row, scale, progress, way, environ) for way, environ in ways.items()]


def _row(scale: Scale, progress: Progress, way: str, environ: Mapping[str, str]) -> Row:
    _start(environ)
    took, used, shares = [], [], Shares()
    for _ in range(scale.starts):
        seconds, cpu = _start(environ)
        took.append(seconds)
        used.append(cpu)
        progress.step(f"{seconds:.2f} s {way}")
    return Row(
        f"start, {way}: sayso serve to ready",
        round(median(took), 2),
        "s",
        at_most=AT_MOST[way],
        whole=scale.is_whole,
        measured_at={
            "starts": scale.starts,
            "cores": cores(),
            "cpu_share": shares.so_far(),
            "seconds": [round(seconds, 2) for seconds in took],
            "cpu_seconds_of_the_service": round(median(used), 2),
        },
    )


def _start(environ: Mapping[str, str]) -> tuple[float, float]:
    """Start it in a new folder and end it. Until it was ready: seconds, and those of the processor in its process."""
    with tempfile.TemporaryDirectory(prefix="sb-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "policy.yaml").write_text(POLICY if "SLACK_BOT_TOKEN" in environ else IN_THE_INBOX)
        service = ServiceProcess(folder, {**environ, "SAYSO_POLICY": str(folder / "policy.yaml")})
        variables = {name: value for name, value in service.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        begun = time.perf_counter()
        with service.log.open("ab") as log:
            child = subprocess.Popen(service.command("serve"), env=variables, stdout=log, stderr=log)
        try:
            while not _is_ready(service.port):
                if child.poll() is not None or time.perf_counter() - begun > PATIENCE_SECONDS:
                    raise RuntimeError(f"it did not start: {service.log.read_text()}")
                time.sleep(LOOK_SECONDS)
            return time.perf_counter() - begun, cpu_seconds(child.pid)
        finally:
            child.terminate()
            child.wait(15)


def _is_ready(port: int) -> bool:
    """One look that costs the starting service nothing until it listens."""
    with socket.socket() as probe:
        probe.settimeout(2)
        try:
            probe.connect(("127.0.0.1", port))
            probe.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return probe.recv(64).startswith(b"HTTP/1.1 200 ")
        except OSError:
            return False
