"""Files from which a policy is read: what is taken, and what is refused in a sentence."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sayso_bot.errors import Unusable
from sayso_bot.policy import read


def test_a_file_is_read_with_the_name_that_messages_use(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("rules: []", encoding="utf-8")
    assert read(path) == ("rules: []", str(path))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "does not exist"),
        (b"rules:\n  \xc3\xbc\xff", "policy.yaml:2:4: This is not UTF-8 text"),
        (b"\xff\xfea\0", "policy.yaml:1:1: This is UTF-16"),
        (b"#" * (4 * 1_048_576 + 1), "larger than 4 MiB"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path: Path, body: bytes | None, words: str) -> None:
    path = tmp_path / "policy.yaml"
    if body is not None:
        path.write_bytes(body)
    with pytest.raises(Unusable, match=words):
        read(path)


def test_a_path_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="cannot be read"):
        read(tmp_path / ("x" * 300))


def _nowhere(path: Path) -> None:
    path.symlink_to("nothing.yaml")


def _in_a_ring(path: Path) -> None:
    path.symlink_to(path.name)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Path.mkdir, "is a folder"),
        (os.mkfifo, "is a pipe"),
        (_socket, "is a socket or a device"),
        (lambda path: path.symlink_to("/dev/null"), "is a device"),
        (_nowhere, "is a link that leads nowhere"),
        (_in_a_ring, "is a link that leads back to itself"),
    ],
)
def test_what_is_no_file_is_told_at_once(make: Callable[[Path], None], words: str) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder, "p.yaml")
        make(path)
        with pytest.raises(Unusable, match=words):
            read(path)


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("rules: []")
    (tmp_path / "policy.yaml").symlink_to("real.yaml")
    assert read(tmp_path / "policy.yaml")[0] == "rules: []"


def test_a_file_that_grows_while_it_is_read_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("rules: []\n")
    looks: list[int] = []
    look = os.fstat

    def grown(descriptor: int) -> os.stat_result:
        if looks:
            with path.open("a") as file:
                file.write("# more\n")
        looks.append(descriptor)
        return look(descriptor)

    monkeypatch.setattr("sayso_bot.policy.source.os.fstat", grown)
    with pytest.raises(Unusable, match="is being written just now"):
        read(path)
