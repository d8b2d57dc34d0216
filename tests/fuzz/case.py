"""One thing to send: a head and a body, in which what differs from run to run is a name in capitals.

The names (``__KEY__``, ``__COOKIE__``) are put in when the case is sent, and so are the length and Slack's signature.
So a case that was saved can be sent again to another service.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

Known = Mapping[bytes, bytes]

LENGTH, TIME, SIGNATURE = b"__LENGTH__", b"__TIME__", b"__SIGNATURE__"
SIGNING_SECRET = b"__SIGNING_SECRET__"


@dataclass(frozen=True, slots=True)
class Case:
    """``whole`` says that head and body are well-formed HTTP by construction, so that an answer must come."""

    target: str
    head: bytes
    body: bytes = b""
    whole: bool = True

    def bytes_to_send(self, known: Known) -> bytes:
        body = _filled(self.body, known)
        stamp = str(int(time.time())).encode()
        signed = hmac.new(known[SIGNING_SECRET], b"v0:" + stamp + b":" + body, hashlib.sha256).hexdigest()
        computed = {LENGTH: str(len(body)).encode(), TIME: stamp, SIGNATURE: b"v0=" + signed.encode()}
        return _filled(self.head, {**known, **computed}) + body

    @property
    def size(self) -> int:
        return len(self.head) + len(self.body)

    def save(self, folder: Path, why: str) -> Path:
        """Write it to a file that `load` reads, named after what it holds."""
        folder.mkdir(exist_ok=True)
        about = {"target": self.target, "why": why, "whole": self.whole}
        data = {"head": self.head.decode("latin-1"), "body": self.body.decode("latin-1")}
        file = folder / f"{self.target}-{hashlib.sha256(self.head + b'|' + self.body).hexdigest()[:12]}.json"
        file.write_text(json.dumps(about | data, indent=2) + "\n")
        return file

    @classmethod
    def load(cls, file: Path) -> Self:
        read = json.loads(file.read_text())
        return cls(read["target"], read["head"].encode("latin-1"), read["body"].encode("latin-1"), read["whole"])


def _filled(data: bytes, known: Known) -> bytes:
    if b"__" not in data:
        return data
    for name, value in known.items():
        if name != SIGNING_SECRET:
            data = data.replace(name, value)
    return data


def http_head(line: str, *headers: tuple[str, str]) -> bytes:
    """A request line and headers. Values are UTF-8, of which no line break is left."""
    lines = [line, *(f"{name}: {value}" for name, value in headers)]
    clean = [text.replace("\r", "%0D").replace("\n", "%0A") for text in lines]
    return "\r\n".join([*clean, "", ""]).encode("utf-8", "surrogatepass")
