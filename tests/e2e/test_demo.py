"""``sayso demo`` goes the whole way with nobody at a terminal, and leaves nothing behind when it is told to end."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest

from sayso_bot.store.process import Process
from sayso_bot.store.record import Record
from service import ServiceProcess


def test_without_a_terminal_the_inboxs_own_button_is_pressed(tmp_path: Path) -> None:
    environ = os.environ | {"TMPDIR": str(tmp_path)}
    told = subprocess.run(
        ServiceProcess.command("demo"),
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert told.returncode == 0, told.stderr
    assert "Decision: approved by Operator in the inbox. The agent ended with 0." in told.stdout
    assert not list(tmp_path.glob("sayso-demo-*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_neither_a_redis_nor_a_folder_is_left_where_the_terminal_is_closed(
    tmp_path: Path, number: signal.Signals
) -> None:
    ours, theirs = pty.openpty()
    environ = os.environ | {"TMPDIR": str(tmp_path)}
    command = ServiceProcess.command("demo")
    with subprocess.Popen(command, env=environ, stdin=theirs, stdout=theirs, stderr=theirs) as demo:
        try:
            os.close(theirs)
            _read_until(ours, b"then Enter.")
            (folder,) = tmp_path.glob("sayso-demo-*")
            record = Record.read(folder / "data" / "redis")
            assert record is not None
            redis = record.process
            assert _lives(redis)
            demo.send_signal(number)
            assert demo.wait(30) == 143
            assert not _lives(redis)
            assert not list(tmp_path.glob("sayso-demo-*"))
        finally:
            demo.kill()
            os.close(ours)


def _lives(process: Process) -> bool:
    return process.is_alive


def _read_until(descriptor: int, words: bytes) -> None:
    read = b""
    while words not in read:
        read += os.read(descriptor, 4096)
