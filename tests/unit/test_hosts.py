"""What counts as this very machine."""

from __future__ import annotations

import pytest

from sayso_bot.domain.hosts import is_loopback


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.9.9.9", "::1"])
def test_names_and_addresses_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "example.com", "localhost.example.com", "0.0.0.0", "10.0.0.1", "::", "[::1]"])
def test_everything_else_is_another_machine(host: str) -> None:
    assert not is_loopback(host)
