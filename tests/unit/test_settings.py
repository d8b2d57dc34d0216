"""What the operator sets, and what they are told when it is wrong."""

from __future__ import annotations

import base64
import traceback
from ipaddress import ip_network
from pathlib import Path

import pytest

from sayso_bot.errors import Unusable
from sayso_bot.settings import Settings, environment
from sayso_bot.store.durability import Durability

SECRET = base64.b64encode(bytes(range(32))).decode()


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(Unusable) as caught:
        Settings.load(environ)
    return caught.value.detail


def test_nothing_set_is_a_service_for_this_machine_alone() -> None:
    settings = Settings.load({})
    assert (settings.host, settings.port, settings.book) == ("127.0.0.1", 8080, "main")
    assert settings.public_url == "http://127.0.0.1:8080"
    assert settings.data_dir == Path(".sayso").absolute()
    assert settings.durability == Durability("server")
    assert (settings.redis_url, settings.secret, settings.policy) == (None, None, None)


def test_everything_set_is_read() -> None:
    settings = Settings.load(
        {
            "SAYSO_HOST": "0.0.0.0",
            "SAYSO_PORT": "9000",
            "SAYSO_REDIS_URL": "rediss://u:p@redis.test/2",
            "SAYSO_DATA_DIR": "/srv/sayso",
            "SAYSO_POLICY": "/etc/sayso.yaml",
            "SAYSO_BOOK": "eu-1",
            "SAYSO_PUBLIC_URL": "https://Sayso.example.com/",
            "SAYSO_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "SAYSO_DURABILITY": "fsync:2",
            "SAYSO_SECRET": SECRET,
            "SAYSO_LOG_FORMAT": "JSON",
            "SAYSO_LOG_LEVEL": "debug",
            "SAYSO_URL": "http://the.client",
            "SAYSO_KEY": "sk_main_x",
            "HOME": "/root",
        }
    )
    assert settings.public_url == "https://sayso.example.com"
    assert settings.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1"))
    assert settings.durability == Durability("fsync", 2)
    assert str(settings.durability) == "fsync:2"
    assert settings.secret == bytes(range(32))
    assert (settings.log_format, settings.log_level) == ("json", "debug")


def test_no_secret_shows_in_a_settings_object_or_a_refusal() -> None:
    shown = repr(Settings.load({"SAYSO_REDIS_URL": "redis://:hunter2@h", "SAYSO_SECRET": SECRET}))
    assert "hunter2" not in shown
    assert "x01" not in shown
    typed = "hunter" + "2"
    with pytest.raises(Unusable) as caught:
        Settings.load({"SAYSO_SECRET": typed, "SAYSO_REDIS_URL": typed + "://x"})
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_every_wrong_variable_is_named_at_once() -> None:
    wrong = {
        "SAYSO_HOST": "a:1/",
        "SAYSO_PORT": "0",
        "SAYSO_REDIS_URL": "http://x",
        "SAYSO_BOOK": "Main",
        "SAYSO_PUBLIC_URL": "ftp://x",
        "SAYSO_TRUSTED_PROXIES": "10.0.0.1/8",
        "SAYSO_DURABILITY": "fsync:many",
        "SAYSO_SECRET": "short",
        "SAYSO_LOG_FORMAT": "xml",
        "SAYSO_LOG_LEVEL": "loud",
        "SAYSO_INSECURE": "maybe",
    }
    lines = refusal(wrong | {"SAYSO_PROT": "1"}).splitlines()
    assert len(lines) == len(wrong) + 1
    for name in [*wrong, "SAYSO_PROT"]:
        assert sum(line.startswith(f"{name} ") for line in lines) == 1
    assert all(line.endswith(".") for line in lines)


@pytest.mark.parametrize("url", ["https://h/path", "https://h?x", "https://u@h", "https://h:port", "https://", "h"])
def test_a_public_address_is_scheme_host_and_port_only(url: str) -> None:
    assert "SAYSO_PUBLIC_URL" in refusal({"SAYSO_PUBLIC_URL": url})


def test_a_variable_of_a_later_version_is_unknown_and_the_nearest_is_named() -> None:
    assert "SAYSO_SIGNING_KEY is not a setting of this version" in refusal({"SAYSO_SIGNING_KEY": "x"})
    assert "nearest known one is SAYSO_REDIS_URL" in refusal({"SAYSO_REDIS_URI": "redis://h"})
    assert "nearest known one is SAYSO_SECRET" in refusal({"SAYSO_SECRETS_FILE": "x"})


def test_what_kubernetes_sets_for_a_service_named_sayso_is_explained() -> None:
    told = refusal({"SAYSO_PORT": "tcp://10.0.0.1:8080", "SAYSO_SERVICE_HOST": "10.0.0.1"})
    assert told.count("enableServiceLinks") == 2


def test_an_empty_variable_is_not_set() -> None:
    assert Settings.load({"SAYSO_REDIS_URL": "", "SAYSO_PORT": "", "SAYSO_SECRET_FILE": ""}) == Settings.load({})


def test_a_value_may_come_from_a_file_and_one_new_line_at_its_end_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    assert Settings.load({"SAYSO_SECRET_FILE": str(file)}).secret == bytes(range(32))


def test_a_value_and_its_file_are_not_both_taken(tmp_path: Path) -> None:
    assert "keep one" in refusal({"SAYSO_SECRET": SECRET, "SAYSO_SECRET_FILE": str(tmp_path / "x")})


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    empty, binary, large = tmp_path / "empty", tmp_path / "binary", tmp_path / "large"
    empty.write_text("\n")
    binary.write_bytes(b"\xff")
    large.write_bytes(b"x" * 70_000)
    for file, reason in [
        (tmp_path / "none", "does not exist"),
        (empty, "is empty"),
        (binary, "is not text"),
        (large, "is larger"),
        (tmp_path, "cannot be read"),
    ]:
        assert f"SAYSO_BOOK_FILE names {file}, which {reason}" in refusal({"SAYSO_BOOK_FILE": str(file)})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "sayso.internal"])
def test_it_does_not_serve_others_over_plain_http_unless_told_to(host: str) -> None:
    assert "SAYSO_INSECURE=1" in refusal({"SAYSO_HOST": host})
    assert "plain http" in refusal({"SAYSO_HOST": host, "SAYSO_PUBLIC_URL": "http://sayso.example.com"})
    assert Settings.load({"SAYSO_HOST": host, "SAYSO_INSECURE": "1"}).insecure
    assert Settings.load({"SAYSO_HOST": host, "SAYSO_PUBLIC_URL": "https://s.example"}).host == host


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("localhost", "http://localhost:8080"),
        ("::1", "http://[::1]:8080"),
        ("[::1]", "http://[::1]:8080"),
        ("127.0.0.5", "http://127.0.0.5:8080"),
        ("0.0.0.0", "http://localhost:8080"),
    ],
)
def test_without_a_public_address_it_is_the_one_that_is_listened_at(host: str, url: str) -> None:
    assert Settings.load({"SAYSO_HOST": host, "SAYSO_INSECURE": "1"}).public_url == url


def test_adapters_get_platform_variables_with_their_files_read(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("xoxb-1\r\n")
    given = environment(
        {
            "SLACK_BOT_TOKEN_FILE": str(tmp_path / "token"),
            "SLACK_SIGNING_SECRET": "s",
            "TEAMS_CERT_FILE": "/certificate.pem",
            "SAYSO_SECRET": SECRET,
            "HTTPS_PROXY": "http://proxy",
        }
    )
    assert given == {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_SIGNING_SECRET": "s",
        "TEAMS_CERT_FILE": "/certificate.pem",
        "HTTPS_PROXY": "http://proxy",
    }


def test_a_platform_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"SLACK_BOT_TOKEN_FILE names .* does not exist"):
        environment({"SLACK_BOT_TOKEN_FILE": str(tmp_path / "none")})
    with pytest.raises(Unusable, match="both set"):
        environment({"SLACK_BOT_TOKEN_FILE": str(tmp_path / "none"), "SLACK_BOT_TOKEN": "x"})
