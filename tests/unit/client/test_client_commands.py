"""``sayso`` as a person and a script meet it: the real command in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from fakes.http_api import KEY, Drop, HttpApi, Reply, problem, reply, request_out, settled
from sayso.commands import why_not
from unit.client.either import wait_until

SAYSO = str(Path(sys.executable).parent / "sayso")


@dataclass
class Ended:
    code: int
    out: str
    err: str


def environment(api: HttpApi | None, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SAYSO_")}
    return {**kept, "COLUMNS": "200", **({"SAYSO_URL": api.url, "SAYSO_KEY": KEY} if api else {}), **more}


async def sayso(api: HttpApi | None, *arguments: str, stdin: bytes = b"", **more: str) -> Ended:
    return await run([SAYSO, *arguments], environment(api, **more), stdin)


async def run(command: Sequence[str], env: dict[str, str], stdin: bytes = b"") -> Ended:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=env, stdin=pipe, stdout=pipe, stderr=pipe)
    out, err = await process.communicate(stdin)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


@pytest.mark.parametrize(("status", "code"), [("approved", 0), ("denied", 3), ("expired", 4), ("cancelled", 5)])
async def test_each_ending_has_its_exit_code_and_its_word(api: HttpApi, status: str, code: int) -> None:
    api.answer = status
    ended = await sayso(api, "ask", "payments.refund", "--param", "amount=12.5", "--param", 'order="A-1"')
    assert (ended.code, ended.err) == (code, "")
    assert ended.out.startswith(f"{status}: payments.refund (req_")
    assert json.loads(api.seen[0].body)["params"] == {"amount": 12.5, "order": "A-1"}


async def test_a_denial_prints_who_said_no_and_why_with_control_characters_shown(api: HttpApi) -> None:
    denied = settled(request_out("payments.refund"), "denied", reason="No\x1b[2J\r\u202e", name="A\x07na")
    api.script.append(reply(denied))
    ended = await sayso(api, "ask", "payments.refund")
    assert ended.code == 3
    assert ended.out.splitlines()[1] == "A⟨U+0007⟩na denied in inbox: No⟨U+001B⟩[2J⟨U+000D⟩⟨U+202E⟩"


async def test_other_params_than_were_asked_are_no_success_unless_edits_are_taken(api: HttpApi) -> None:
    asked = {"amount": 7}
    ended_so = settled(request_out("payments.refund", asked), "approved")
    edited = {**ended_so, "params": {"amount": 5}, "original_params": asked}
    edited["decision"] = {**edited["decision"], "response": {"level": "senior"}}
    api.script.extend([reply(edited)] * 2)
    ended = await sayso(api, "ask", "payments.refund", "--param", "amount=7")
    assert (ended.code, "--edits takes such approvals" in ended.err) == (1, True)
    ended = await sayso(api, "ask", "payments.refund", "--param", "amount=7", "--edits")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[1:3] == ['params: {"amount": 5}', 'response: {"level": "senior"}']


async def test_json_is_the_request_as_the_service_tells_it(api: HttpApi) -> None:
    ended = await sayso(api, "ask", "payments.refund", "--json")
    assert json.loads(ended.out) == next(iter(api.requests.values()))
    assert ended.out.isascii()


async def test_params_come_whole_from_text_file_or_standard_input(api: HttpApi, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"from": "file"}')
    await sayso(api, "ask", "a", "--params", '{"from": "text"}', "--param", "n=1", "--summary", "S", "--timeout", "15m")
    await sayso(api, "ask", "a", "--params", f"@{tmp_path / 'p.json'}")
    await sayso(api, "ask", "a", "--params", "-", stdin=b'{"from": "stdin"}')
    bodies = [json.loads(seen.body) for seen in api.seen]
    assert bodies[0] == {"action": "a", "params": {"from": "text", "n": 1}, "summary": "S", "timeout": "15m"}
    assert [body["params"]["from"] for body in bodies] == ["text", "file", "stdin"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--param", "order=A-1"], """--param 'order="A-1"'"""),
        (["--param", "order"], "KEY=JSON"),
        (["--param", "a=1", "--param", "a=2"], "given twice"),
        (["--param", "a=9007199254740993"], "2^53-1"),
        (["--params", '{"a":1,"a":2}'], "occurs twice"),
        (["--params", "[1]"], "not an object"),
        (["--params", "{"], "not JSON"),
        (["--params", "@/nowhere"], "cannot be read"),
        (["--wait", "soon"], "90s, 15m, 2h, 3d"),
    ],
)
async def test_wrong_usage_says_what_to_write_and_asks_nothing(api: HttpApi, arguments: list[str], said: str) -> None:
    ended = await sayso(api, "ask", "payments.refund", *arguments)
    assert (ended.code, ended.out, api.seen) == (2, "", [])
    assert said in ended.err


async def test_without_a_key_it_says_how_to_get_one() -> None:
    ended = await sayso(None, "ask", "payments.refund")
    assert ended.code == 2
    assert "sayso keys create NAME" in ended.err


@pytest.mark.parametrize("status", [401, 403, 422, 423, 429])
async def test_a_refusal_makes_no_request_and_is_explained(api: HttpApi, status: int) -> None:
    api.script.append(problem(status, "some_code", "This is why.", retry_after="3600"))
    ended = await sayso(api, "ask", "payments.refund", "--json")
    assert (ended.code, ended.err) == (6, "This is why.\n")
    assert json.loads(ended.out)["error"] == "some_code"


async def test_an_unreachable_service_makes_no_request(api: HttpApi) -> None:
    await api.stop()
    ended = await sayso(api, "ask", "payments.refund", "--wait", "1s")
    assert (ended.code, ended.out) == (6, "")
    assert "no connection could be made" in ended.err
    assert "may have been made" not in ended.err


LOST = Drop(after_making=True)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ([LOST] * 9, "the connection broke"),
        ([problem(503, "unavailable", "Soon.")] * 9, "it answered 503"),
        ([LOST, problem(401, "unauthenticated", "Revoked.")], "Revoked."),
        ([LOST, problem(429, "quota_exceeded", "Too many.", retry_after="3600")], "Too many."),
    ],
    ids=["lost", "503", "lost, then 401", "lost, then 429"],
)
async def test_what_may_have_been_made_is_never_told_as_not_made(api: HttpApi, script: list[Any], says: str) -> None:
    """A script that reads 6 as "not made" would ask again under a new key, and two requests would be open."""
    api.script.extend(script)
    ended = await sayso(api, "ask", "payments.refund", "--wait", "1s", "--idempotency-key", "k-1", "--json")
    assert ended.code == 1
    assert says in ended.err
    assert "a request may have been made" in ended.err
    assert "--idempotency-key k-1" in ended.err
    assert json.loads(ended.out)["idempotency_key"] == "k-1"
    api.script.clear()
    assert (await sayso(api, "ask", "payments.refund", "--idempotency-key", "k-1")).code == 0
    assert len(api.requests) == 1


async def test_a_limit_that_outlasts_the_patience_makes_no_request(api: HttpApi) -> None:
    api.script.extend([problem(429, "rate_limited", "Too many calls.")] * 20)
    ended = await sayso(api, "ask", "payments.refund", "--wait", "1s")
    assert (ended.code, api.requests) == (6, {})


async def test_a_page_of_a_proxy_is_later_trouble_and_not_yes(api: HttpApi) -> None:
    api.script.append(Reply(200, b"<html>approved</html>", "text/html"))
    ended = await sayso(api, "ask", "payments.refund")
    assert (ended.code, ended.out) == (1, "")


async def test_undecided_it_says_how_to_go_on_and_the_same_key_goes_on(api: HttpApi) -> None:
    api.answer = None
    ended = await sayso(api, "ask", "payments.refund", "--wait", "0s", "--idempotency-key", "k-1")
    (request_id,) = api.requests
    assert ended.code == 1
    assert ended.out == f"pending: payments.refund ({request_id})\n"
    assert request_id in ended.err
    assert "--idempotency-key k-1" in ended.err
    await api.settle(request_id, "approved")
    assert (await sayso(api, "ask", "payments.refund", "--idempotency-key", "k-1")).code == 0
    assert len(api.requests) == 1


async def test_an_interrupt_leaves_the_request_and_says_how_to_go_on(api: HttpApi) -> None:
    api.answer, api.longest_hold = None, 55
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        SAYSO, "ask", "payments.refund", env=environment(api), stdout=pipe, stderr=pipe
    )
    await wait_until(lambda: any(seen.method == "GET" for seen in api.seen))
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    (request_id,) = api.requests
    assert (process.returncode, out) == (130, b"")
    assert request_id in err.decode()
    assert f"--idempotency-key {api.seen[0].headers['Idempotency-Key']}" in err.decode()
    assert api.requests[request_id]["status"] == "pending"


async def test_a_terminal_shows_who_may_answer_where_and_until_when(api: HttpApi) -> None:
    pending = request_out("payments.refund", expires_at="2999-01-01T00:00:00Z", review_url="http://s/\x1b]0;x\x07")
    api.script.extend([reply(pending, 201), Drop(), reply(settled(pending, "approved"))])
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        SAYSO,
        "ask",
        "payments.refund",
        env=environment(api, TERM="xterm"),
        stdout=asyncio.subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    out, _ = await process.communicate()
    shown = await asyncio.to_thread(read_all, ours)
    assert (process.returncode, out.decode().split(":")[0]) == (0, "approved")
    assert "Waiting for email:ana@example.com at http://s/⟨U+001B⟩]0;x⟨U+0007⟩" in shown
    assert " left" in shown


def read_all(terminal: int) -> str:
    """What was written to a terminal whose other end is closed."""
    found = b""
    try:
        while piece := os.read(terminal, 65536):
            found += piece
    except OSError:
        pass  # Linux ends a closed terminal with EIO
    os.close(terminal)
    return found.decode()


# ------------------------------------------------------------------ the root


PLUGIN = '''
import typer
commands = typer.Typer(help="Rooms of the hotel.")

@commands.command()
def book(ctx: typer.Context, nights: int = 1) -> None:
    """Book a room."""
    print("booked", nights, ctx.obj.run(5))

def command(name: str) -> None:
    """Greet somebody."""
    print("hello", name)

class Failure(Exception):
    code = "unusable"
    detail = "The room is\\x1b locked."

def failing() -> None:
    raise Failure

class Opened:
    def run(self, work):
        return work * 2
'''


@pytest.fixture
def plugins(tmp_path: Path) -> str:
    """A folder with a distribution that adds commands; for PYTHONPATH."""
    (tmp_path / "hotel.py").write_text(PLUGIN)
    (tmp_path / "spa.py").write_text("import surely_not_installed")
    info = tmp_path / "hotel-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hotel\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[sayso.commands]\nrooms = hotel:commands\ngreet = hotel:command\nsauna = spa:command\nfails = hotel:failing\n"
        "[sayso.operator]\ndoor = hotel:Opened\n"
    )
    return str(tmp_path)


async def test_commands_of_others_are_listed_and_run(plugins: str) -> None:
    listed = await sayso(None, "--help", PYTHONPATH=plugins)
    for text in ("ask", "rooms", "Rooms of the hotel.", "Greet somebody.", "pip install 'hotel'"):
        assert text in listed.out
    assert (await sayso(None, "greet", "Ana", PYTHONPATH=plugins)).out == "hello Ana\n"
    assert (await sayso(None, "rooms", "book", "--nights", "2", PYTHONPATH=plugins)).out == "booked 2 10\n"


async def test_a_command_whose_package_lacks_something_says_what_to_install(plugins: str) -> None:
    for arguments in (["sauna"], ["sauna", "--hot", "x"], ["sauna", "--help"]):
        ended = await sayso(None, *arguments, PYTHONPATH=plugins)
        assert (ended.code, ended.err) == (2, "sayso sauna needs: pip install 'hotel'\n")


async def test_an_error_with_a_code_ends_as_its_sentence(plugins: str) -> None:
    ended = await sayso(None, "fails", PYTHONPATH=plugins)
    assert (ended.code, ended.out, ended.err) == (2, "", "The room is⟨U+001B⟩ locked.\n")


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("sayso_bot.cli.serve:command", "sayso x needs: pip install 'sayso[bot]'"),
        ("sayso_adapters.slack.commands:c", "sayso x needs: pip install 'sayso[bot,slack]'"),
        ("sayso_adapters.inbox.commands:c", "sayso x needs: pip install 'sayso[bot]'"),
    ],
)
def test_a_missing_extra_is_named_with_the_line_that_installs_it(value: str, line: str) -> None:
    error = ModuleNotFoundError("No module named 'aiohttp'", name="aiohttp")
    assert why_not(EntryPoint("x", value, "sayso.commands"), error) == line


async def test_version_and_unknown_commands() -> None:
    assert (await sayso(None, "--version")).out.startswith("sayso 0.")
    assert (await sayso(None, "nothing-like-it")).code == 2


async def test_asking_loads_nothing_of_the_service(api: HttpApi) -> None:
    code = (
        "import sys\nfrom sayso.cli import main\nsys.argv = ['sayso', 'ask', 'a']\n"
        "try: main()\nfinally: print([m for m in ('sayso_bot', 'sayso_adapters', 'aiohttp', 'redis', 'cel_expr_python')"
        " if m in sys.modules])"
    )
    ended = await run([sys.executable, "-c", code], environment(api))
    assert ended.out.splitlines()[-1] == "[]"
