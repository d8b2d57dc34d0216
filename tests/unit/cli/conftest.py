"""One Redis for all tests of the commands, a book of its own for each."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterator

import pytest
import structlog

from redis_server import RedisServer
from unit.cli.office import Operator


@pytest.fixture(scope="session")
def commands_redis() -> Iterator[RedisServer]:
    with RedisServer() as redis:
        yield redis


@pytest.fixture
def own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No variable of ours, and the logs as they were before afterwards."""
    for name in [name for name in os.environ if name.startswith(("SAYSO_", "SLACK_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def operator(
    commands_redis: RedisServer,
    own_environment: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Operator:
    monkeypatch.setenv("SAYSO_REDIS_URL", commands_redis.url)
    monkeypatch.setenv("SAYSO_SECRET", "A" * 43 + "=")
    monkeypatch.setenv("SAYSO_BOOK", f"b-{secrets.token_hex(6)}")
    return Operator(monkeypatch, capsys)
