"""A process that is meant and no other: its pid together with when it started.

Pids are used again. A signal goes out only to a process whose start is the recorded one, so that what happens to run
under an old pid is never touched.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HAS_PROC: Final = sys.platform == "linux"


@dataclass(frozen=True, slots=True)
class Process:
    """``started`` is opaque: two that are equal, with the same pid, are one process."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The process that has ``pid`` now, or None when there is none (a zombie has ended too)."""
        started = _started(pid)
        return None if started is None else cls(pid, started)

    @property
    def is_alive(self) -> bool:
        return _started(self.pid) == self.started

    def send(self, number: signal.Signals) -> bool:
        """Send a signal. False when the process has ended, or the pid is another's by now."""
        held = self._hold()
        try:
            if not self.is_alive:
                return False
            if held is None:
                os.kill(self.pid, number)
            else:
                signal.pidfd_send_signal(held, number)
        except ProcessLookupError:
            return False
        finally:
            if held is not None:
                os.close(held)
        return True

    def _hold(self) -> int | None:
        """A descriptor that keeps the pid from being used again between the look and the signal, where there is one."""
        with suppress(OSError):
            return os.pidfd_open(self.pid) if hasattr(os, "pidfd_open") else None
        return None


def _started(pid: int) -> str | None:
    return _started_by_proc(pid) if _HAS_PROC else _started_by_ps(pid)


def _started_by_proc(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] in {b"Z", b"X"} else f"{boot}:{fields[19].decode()}"


def _started_by_ps(pid: int) -> str | None:
    shown = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C", "TZ": "UTC"},
    )
    state, _, started = shown.stdout.strip().partition(" ")
    return started.strip() or None if shown.returncode == 0 and not state.startswith("Z") else None
