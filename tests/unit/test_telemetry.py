"""What is secret is in no line of the log, wherever it stands, and a line is one line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

KEY = "sk_main_" + "aB3_-" * 8
SPEAK = """
import logging, sys
from sayso_bot.telemetry import configure_logs, logger
form, key = sys.argv[1:]
configure_logs(form, "debug")
log = logger("test")
log.info("said", text=f"a {key} b", token="hidden-by-name", authorization="hidden-by-name", line="one\\ntwo\\u202e")
log.info(f"an event with {key}")
logging.getLogger("library").warning("a library says %s", key)
try:
    raise ValueError(f"holds {key}")
except ValueError:
    log.exception("failed")
    logging.getLogger("library").exception("failed in a library")
logging.getLogger("library").info("not to be heard")
"""


DEEP = """
import sys
from dataclasses import dataclass, field
from enum import StrEnum
from sayso_bot.telemetry import configure_logs, logger
form, key = sys.argv[1:]
configure_logs(form, "debug")
log = logger("test")

@dataclass(slots=True)
class Account:
    name: str
    shown: str
    hidden: str = field(repr=False)

class Status(StrEnum):
    PENDING = "pending"

class Odd:
    def __repr__(self):
        return f"<odd {key}>"

log.info("deep", tried=[f"with {key}", {"Authorization": "hidden-by-name", "left": (1, 2.5, None, True)}])
log.info("object", account=Account("ana", f"shows {key}", "hidden-by-class"), status=Status.PENDING)
log.info("within", accounts={"first": Account("ana", "shown", "hidden-by-class"), 7: {key}}, odd=Odd())
log.info("far", far=[[[[[[[[[[[[f"so deep: {key}"]]]]]]]]]]]])
log.info("lines", texts=["one\\ntwo", {"three\\nfour": 1}])
"""


def _log(form: str, program: str = SPEAK) -> str:
    spoken = subprocess.run(
        [sys.executable, "-c", program, form, KEY], capture_output=True, text=True, timeout=30, check=True
    )
    return spoken.stdout + spoken.stderr


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_is_logged_in_a_text_an_event_or_a_traceback(form: str) -> None:
    log = _log(form)
    assert KEY[8:] not in log
    assert "hidden-by-name" not in log
    assert log.count("[redacted]") == 7
    assert log.count("Traceback") == 2
    assert "not to be heard" not in log


def test_a_line_is_one_json_object_and_control_characters_are_named() -> None:
    lines = [json.loads(line) for line in _log("json").splitlines()]
    assert [line["event"].split()[0] for line in lines] == ["said", "an", "a", "failed", "failed"]
    assert lines[0]["line"] == "one⟨U+000A⟩two⟨U+202E⟩"
    assert all({"level", "timestamp"} <= set(line) for line in lines)


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_is_logged_in_a_list_an_object_or_what_a_class_hides(form: str) -> None:
    log = _log(form, DEEP)
    assert KEY[8:] not in log
    assert "hidden-by" not in log
    assert log.count("[redacted]") == 6
    assert len(log.splitlines()) == 5


def test_what_lies_deep_in_a_line_is_kept_but_for_its_secrets() -> None:
    deep, account, within, _, lines = (json.loads(line) for line in _log("json", DEEP).splitlines())
    assert deep["tried"] == [
        "with [redacted]", {"Authorization": "[redacted]", "left": [1, 2.5, None, True]}
    ]  # fmt: skip
    assert (account["account"], account["status"]) == ("Account(name='ana', shown='shows [redacted]')", "pending")
    assert within["accounts"] == {"first": "Account(name='ana', shown='shown')", "7": ["[redacted]"]}
    assert lines["texts"] == ["one⟨U+000A⟩two", {"three⟨U+000A⟩four": 1}]
