"""Files that approvers put into a form and that agents attach: what is kept of each, and what is made safe of it.

Nobody here opens a file, and its media type is what its sender called it. It is kept as it came, told by its digest,
and handed out as something to save, never as something to show.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sayso_bot.domain.text import one_line

CHUNK_BYTES = 256 * 1024
MAX_FILE_BYTES = 10 * 1024 * 1024
MAX_IN_ANSWER = 5
MAX_PUT = 10
"""By one person into one field: twice what an answer holds, so that a mistake can be mended. Nothing is replaced."""
MAX_ATTACHED = 5
MAX_OF_REQUEST = 100
MAX_NAME = 120
MAX_ACCEPTED = 20
HEAD_BYTES = 1024
ATTACHABLE = re.compile(
    r"(bmp|csv|docx?|gif|heic|jpe?g|json|log|md|od[pst]|pdf|png|pptx?|rtf|tiff?|tsv|txt|webp|xlsx?|xml)\Z"
)
"""Endings of what an agent may attach: what people read. Programs, archives and pages of the web are not among them."""
UNKNOWN_TYPE = "application/octet-stream"
FILE_ID = re.compile(r"file_[0-9a-f]{32}\Z")
ACCEPTED = r"^(\.[A-Za-z0-9]{1,16}|[a-z]{1,32}/(\*|[a-z0-9][a-z0-9.+-]{0,80}))$"
"""A pattern of JSON Schema, which looks for it anywhere: people are shown what an agent accepts, so it is bound at both
ends.
"""

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}\Z")
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,16}\Z")
_PROGRAMS = (b"MZ", b"\x7fELF", b"#!", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_MARKUP = re.compile(rb"<(!doctype\s+html|html|script|svg|body|iframe)\b", re.IGNORECASE)
_SHOWN_AS_TEXT = frozenset({"txt", "csv", "tsv", "md", "json", "log"})
_RUN_BY_BROWSERS = frozenset(
    {"htm", "html", "mht", "mhtml", "shtml", "svg", "svgz", "xht", "xhtml", "xml", "xsl", "xslt"}
)
_UNITS = ((1024 * 1024, "MiB"), (1024, "KiB"))


@dataclass(frozen=True, slots=True)
class File:
    """``by`` is the person who put it into the form's ``field``, or the agent that attached it (then ``field`` is
    empty). ``digest`` is ``sha256:`` and hexadecimal, ``chunks`` the number of pieces in which it lies in the store.
    """

    id: str
    name: str
    media_type: str
    size: int
    digest: str
    chunks: int
    field: str
    by: str
    by_name: str
    surface: str
    at: datetime

    @property
    def attached(self) -> bool:
        """Whether the agent attached it."""
        return not self.field


def file_id(request_id: str, by: str, operation: str) -> str:
    """The id of what this ``operation`` puts: the same for each delivery of it, and another for anybody else's."""
    return f"file_{hashlib.sha256(f'{request_id} {by} {operation}'.encode()).hexdigest()[:32]}"


def safe_name(text: str) -> str:
    """The last part of what may be a path, on one line, `MAX_NAME` characters at most, its ending kept. Never empty."""
    name = one_line(re.split(r"[/\\]", text.strip())[-1].strip(" ."))
    if not name:
        return "file"
    if len(name) <= MAX_NAME:
        return name
    found = _EXTENSION.search(name)
    ending = found[0] if found else ""
    return f"{name[: MAX_NAME - len(ending) - 1]}…{ending}"


def media_type(text: str) -> str:
    """What the sender calls it, without parameters; `UNKNOWN_TYPE` for what is no media type."""
    said = text.partition(";")[0].strip().lower()
    return said if _MEDIA_TYPE.match(said) else UNKNOWN_TYPE


def accepts(accepted: Sequence[str], name: str, said: str) -> bool:
    """Whether a file of this name, or called so by its sender, is one of those that were asked for (``.pdf``,
    ``image/png``, ``image/*``). It spares people a mistake and proves nothing of what the file holds."""
    for each in accepted:
        if each.startswith("."):
            if name.lower().endswith(each.lower()):
                return True
        elif said == each or (each.endswith("/*") and said.startswith(each[:-1])):
            return True
    return not accepted


def why_not_attached(name: str, head: bytes) -> str | None:
    """Why an agent may not hand a file to the people whom it asks; None where it may. ``head`` is how it begins.

    What it may hand over is what people read; what runs when it is opened is not, whatever it is called.
    """
    ending = _ending(name)
    if not ATTACHABLE.match(ending):
        return f"Files that end in .{ending} are not attached." if ending else "A file needs an ending, such as .pdf."
    if head.startswith(_PROGRAMS):
        return "This is a program, whatever it is called."
    if ending not in _SHOWN_AS_TEXT and _MARKUP.search(head):
        return "This is a page or a picture that can run scripts."
    return None


def _ending(name: str) -> str:
    """``pdf`` of ``Report.PDF``; empty where there is none."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def size_text(size: int) -> str:
    """``812 bytes``, ``12.4 KiB``, ``10 MiB``"""
    for unit, word in _UNITS:
        if size >= unit:
            return f"{f'{size / unit:.1f}'.removesuffix('.0')} {word}"
    return f"{size} byte{'' if size == 1 else 's'}"


def described(file: File) -> dict[str, Any]:
    """What the agent is told of a file."""
    return {"id": file.id, "name": file.name, "type": file.media_type, "size": file.size, "digest": file.digest}


def saved_as(name: str) -> str:
    """The name under which a file is handed out: what a browser would run when it is opened is opened as text."""
    return f"{name}.txt" if _ending(name) in _RUN_BY_BROWSERS else name


def download_headers(file: File) -> Mapping[str, str]:
    """Headers with which no reader takes the file for a page, an image or a script, or keeps it."""
    name = saved_as(file.name)
    plain = re.sub(r'[^ -~]|["%\\]', "_", name)
    value = base64.b64encode(bytes.fromhex(file.digest.removeprefix("sha256:"))).decode()
    return {
        "Content-Type": UNKNOWN_TYPE,
        "Content-Length": str(file.size),
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Repr-Digest": f"sha-256=:{value}:",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
