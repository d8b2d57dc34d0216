"""What can be asked, where the key may go, and what can never be mistaken for yes."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections import OrderedDict
from decimal import Decimal
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sayso
from fakes.http_api import KEY, HttpApi, request_out, settled
from sayso import AsyncSayso, Mismatch, NotJson, Sayso, SaysoError, Unusable
from sayso.endpoint import locate
from sayso.question import Question
from sayso.request import parse
from sayso.strict_json import Ambiguous, loads, plain, same
from sayso.terminal import visible

SECRET = "sk_main_very-secret"


# ------------------------------------------------------------------ params


class Size(IntEnum):
    LARGE = 3


class Env(StrEnum):
    PROD = "prod"


def test_params_are_copied_as_plain_json_when_asked() -> None:
    lines = [1, 2]
    question = Question.of("a", OrderedDict(lines=lines, size=Size.LARGE, env=Env.PROD, pair=(1, None)), {})
    lines.append(3)
    assert question.params == {"lines": [1, 2], "size": 3, "env": "prod", "pair": [1, None]}
    assert question.body == b'{"action":"a","params":{"lines":[1,2],"size":3,"env":"prod","pair":[1,null]}}'


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"amount": Decimal("1.10")}, "params.amount"),
        ({"a": {1: "x"}}, "params.a"),
        ({"a": [0, {"b": {1, 2}}]}, "params.a[1].b"),
        ({"a": float("nan")}, "params.a"),
        ({"a": 2**53}, "params.a"),
        ({"a": "\ud800"}, "params.a"),
        ({"a": b"x"}, "params.a"),
    ],
)
def test_what_is_not_json_is_refused_with_its_path(params: dict[str, Any], path: str) -> None:
    with pytest.raises(NotJson) as caught:
        Question.of("a", params, {})
    assert caught.value.path == path


def test_params_that_hold_themselves_are_refused() -> None:
    params: dict[str, Any] = {}
    params["self"] = params
    with pytest.raises(NotJson, match="holds itself"):
        Question.of("a", params, {})


def test_params_that_are_no_object_are_refused() -> None:
    with pytest.raises(Unusable):
        Question.of("a", [1], {})  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["", "a\nb", "é", " a", "x" * 256])
def test_an_idempotency_key_is_one_header_value(key: str) -> None:
    with pytest.raises(Unusable):
        Question.of("a", {}, {"idempotency_key": key})


@pytest.mark.parametrize(
    "text", ['{"a":1,"a":1}', "9007199254740993", "1e400", "NaN", "0.1000000000000000055", "[" * 9999]
)
def test_text_that_readers_understand_differently_is_refused(text: str) -> None:
    with pytest.raises(Ambiguous):
        loads(text)


@pytest.mark.parametrize(("left", "right"), [(1, 1.0), (0.0, -0.0), ({"a": [1]}, {"a": [1.0]}), ((1,), [1])])
def test_equal_numbers_are_the_same(left: Any, right: Any) -> None:
    assert same(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [(1, True), (0, False), (1, "1"), (None, False), ([1], [1, 1]), ({"a": 1}, {"a": 1, "b": 2}), ("a", "а"), ([], {})],
)
def test_other_types_and_lookalikes_are_not_the_same(left: Any, right: Any) -> None:
    assert not same(left, right)
    assert not same(right, left)


@given(st.recursive(st.none() | st.booleans() | st.integers(-99, 99) | st.text(), st.lists, max_leaves=5))
def test_a_plain_copy_is_the_same(value: Any) -> None:
    assert same(plain(value), value)


# ------------------------------------------------------------------ never yes by mistake


def test_a_request_is_neither_true_nor_false() -> None:
    approved = parse(settled(request_out(), "approved"))
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(approved)


def test_a_time_without_a_zone_is_no_time() -> None:
    with pytest.raises(ValueError, match="zone"):
        parse({**request_out(), "created_at": "2026-11-23T18:00:00"})


def test_fields_of_later_releases_are_left_alone() -> None:
    assert parse({**request_out(), "stages": [1]}).status == "pending"


def test_every_public_name_can_be_imported_and_every_exception_has_one_base() -> None:
    for name in sayso.__all__:
        value = getattr(sayso, name)
        if isinstance(value, type) and issubclass(value, Exception):
            assert issubclass(value, SaysoError)
    assert set(sayso.__all__) <= set(dir(sayso))
    with pytest.raises(AttributeError):
        _ = sayso.nothing


# ------------------------------------------------------------------ the key and where it goes


def test_address_and_key_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{SECRET}\n")
    endpoint = locate(None, None, None, {"SAYSO_URL": "https://s.example/gate/", "SAYSO_KEY_FILE": str(file)})
    assert (endpoint.url, endpoint.direct) == ("https://s.example/gate", False)
    assert locate(None, SECRET, None, {}).url == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"SAYSO_KEY": " "},
        {"SAYSO_KEY": "a", "SAYSO_KEY_FILE": "b"},
        {"SAYSO_KEY_FILE": "/nowhere/at/all"},
        {"SAYSO_KEY": "two words"},
        {"SAYSO_KEY": "ключ"},
    ],
)
def test_a_key_that_is_missing_or_none_is_said(environ: dict[str, str]) -> None:
    with pytest.raises(Unusable):
        locate(None, None, None, environ)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", "https://s.example"])
def test_the_key_travels_on_this_machine_or_over_tls(url: str) -> None:
    locate(url, SECRET, None, {})


@pytest.mark.parametrize("url", ["http://s.example", "http://10.0.0.1", "http://localhost.example", "http://0.0.0.0"])
def test_the_key_does_not_travel_in_the_clear_unless_that_is_accepted(url: str) -> None:
    with pytest.raises(Unusable, match="plain http"):
        locate(url, SECRET, None, {})
    locate(url, SECRET, True, {})
    locate(url, SECRET, None, {"SAYSO_INSECURE": "1"})
    with pytest.raises(Unusable):
        locate(url, SECRET, False, {"SAYSO_INSECURE": "1"})


@pytest.mark.parametrize(
    "url",
    ["s.example", "ftp://s.example", "https://", "https://u:p@s.example", "https://s.example/?a=1", "http://[", "x\0"],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Unusable):
        locate(url, SECRET, None, {})


async def test_the_key_is_in_no_repr_message_or_log(api: HttpApi, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with AsyncSayso(api.url, SECRET) as client:
        with pytest.raises(SaysoError) as caught:
            await client.ask("payments.refund", {})
        shown = f"{client!r} {client._endpoint!r} {caught.value!r} {caught.value} {vars(client)}"
    assert SECRET not in shown + caplog.text


async def test_a_proxy_of_the_environment_gets_no_plain_call(api: HttpApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with AsyncSayso(api.url, KEY) as client:
        assert (await client.ask("payments.refund", {})).status == "approved"


async def test_a_path_in_front_is_kept(api: HttpApi) -> None:
    async with AsyncSayso(f"{api.url}/gate/", KEY, connect_within=0) as client:
        with pytest.raises((SaysoError, Mismatch)):
            await client.ask("payments.refund", {})
    assert api.seen[0].path == "/gate/v1/requests"


def test_an_exception_message_is_safe_for_a_terminal() -> None:
    assert str(Unusable("a\x1b[2J\u202eb\n")) == "a⟨U+001B⟩[2J⟨U+202E⟩b⟨U+000A⟩"
    assert visible("Zoë – 東京") == "Zoë – 東京"


def test_the_package_alone_imports_no_http_client_and_no_service() -> None:
    code = "import sys, sayso; print([m for m in ('httpx', 'sayso_bot', 'pydantic') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_a_client_is_closed_by_its_with_block() -> None:
    with Sayso("http://127.0.0.1:9", KEY) as client:
        pass
    with pytest.raises(RuntimeError):
        client.get("req_1")
