"""What is made safe of a file's name and type, and what of it an agent may hand to people."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso_bot.domain.files import (
    FILE_ID,
    MAX_NAME,
    UNKNOWN_TYPE,
    File,
    accepts,
    download_headers,
    file_id,
    media_type,
    safe_name,
    saved_as,
    size_text,
    why_not_attached,
)
from sayso_bot.domain.text import one_line


@pytest.mark.parametrize(
    ("given_name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ana\\report.pdf", "report.pdf"),
        ("/", "file"),
        ("..", "file"),
        ("", "file"),
        (" .hidden ", "hidden"),
        ("a\nb.pdf", "a⟨U+000A⟩b.pdf"),
        ("gpj.\u202eexe", "gpj.⟨U+202E⟩exe"),
        ("Prüfung №7.pdf", "Prüfung №7.pdf"),
        ("x" * 300 + ".pdf", "x" * (MAX_NAME - 5) + "….pdf"),
        ("x" * 300, "x" * (MAX_NAME - 1) + "…"),
    ],
)
def test_a_name_is_the_last_part_alone_on_one_line_and_bounded(given_name: str, safe: str) -> None:
    assert safe_name(given_name) == safe


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("report.pdf", "report.pdf"),
        ("data.xml", "data.xml.txt"),
        ("Page.HTML", "Page.HTML.txt"),
        ("drawing.svg", "drawing.svg.txt"),
        ("svg", "svg"),
    ],
)
def test_what_a_browser_would_run_is_saved_as_text(name: str, saved: str) -> None:
    """Whatever lies in it: a namespace, a style sheet and an encoding can each hide a script from who looks for one."""
    assert saved_as(name) == saved
    file = File("file_0", name, "x/y", 1, "sha256:" + "0" * 64, 1, "f", "a", "a", "inbox", datetime.now(UTC))
    assert download_headers(file)["Content-Disposition"].startswith(f'attachment; filename="{saved}";')


@given(st.text(max_size=400))
def test_whatever_a_name_is_it_becomes_one_that_can_be_shown_and_sent(text: str) -> None:
    name = safe_name(text)
    assert 1 <= len(name) <= MAX_NAME
    assert "/" not in name
    assert "\\" not in name
    assert one_line(name) == name or "⟨" in name
    file = File("file_0", name, "x/y", 1, "sha256:" + "0" * 64, 1, "f", "a", "a", "inbox", datetime.now(UTC))
    said = download_headers(file)["Content-Disposition"]
    assert said.isascii()
    assert said.isprintable()
    assert said.count('"') == 2


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("image/PNG", "image/png"),
        ("text/html; charset=utf-8", "text/html"),
        ("image/svg+xml", "image/svg+xml"),
        ("", UNKNOWN_TYPE),
        ("nonsense", UNKNOWN_TYPE),
        ("a/b\r\nX: y", UNKNOWN_TYPE),
        ("x/" + "y" * 100, UNKNOWN_TYPE),
    ],
)
def test_a_type_is_a_type_or_unknown(said: str, kind: str) -> None:
    assert media_type(said) == kind


def test_what_is_accepted() -> None:
    assert accepts((), "a.exe", "x/y")
    assert accepts((".pdf",), "A.PDF", "x/y")
    assert accepts(("image/*",), "a", "image/png")
    assert accepts(("text/csv",), "a", "text/csv")
    assert not accepts((".pdf", "image/*"), "a.pdf.exe", "imagex/png")


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (1, "1 byte"), (1023, "1023 bytes"), (1024, "1 KiB"), (1536, "1.5 KiB")]
)
def test_a_size_in_words(size: int, text: str) -> None:
    assert size_text(size) == text


def test_an_id_is_one_sender_s_and_one_operation_s() -> None:
    ids = {file_id("req_1", "ana", "o"), file_id("req_2", "ana", "o"), file_id("req_1", "ben", "o")}
    assert len(ids) == 3
    assert all(FILE_ID.match(each) for each in ids)
    assert file_id("req_1", "ana", "o") in ids


@pytest.mark.parametrize("name", ["a.pdf", "a.PNG", "a.docx", "a.csv", "notes.md", "data.json", "a.xml"])
def test_what_people_read_is_attached(name: str) -> None:
    assert why_not_attached(name, b"<note>plain</note>") is None


@pytest.mark.parametrize("name", ["a.exe", "a.js", "a.html", "a.svg", "a.zip", "a.lnk", "a", "a.pdf.scr"])
def test_what_runs_or_hides_something_is_not(name: str) -> None:
    assert why_not_attached(name, b"x")
