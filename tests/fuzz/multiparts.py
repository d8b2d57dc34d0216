"""Forms with files, built part by part and then spoilt: names, types, boundaries, bytes."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from fuzz.mutation import mutated_bytes, text

BOUNDARY = "fuzz-boundary"
BOUNDARIES = ("", "a" * 71, "a" * 201, '"', f'"{BOUNDARY}"; boundary=other', "é", f"{BOUNDARY} ", "--")
NAMES = ("report.pdf", "notes.txt", "page.html", "a.svg", "", "..", "a" * 300 + ".pdf", "C:\\x\\report.pdf")
TYPES = ("application/pdf", "text/plain; charset=utf-16", "text/html", "a", "", "multipart/mixed; boundary=x")
CONTENTS = (b"%PDF-1.4 fuzz", b"MZ\x90", b"<svg onload=x>", b"", b"\r\n--", b"a" * 70_000, b"\0" * 64)
Field = tuple[str, str]


def multipart(fields: Sequence[Field], file: str, chance: Random) -> tuple[str, bytes]:
    """The content type and the body of a form with ``fields`` and one file, or two, called ``file``."""
    parts = [_field(name, value) for name, value in fields]
    parts += [_file(file, chance) for _ in range(chance.choice((1, 1, 1, 1, 1, 0, 2)))]
    if chance.random() < 0.1:
        chance.shuffle(parts)
    line = b"--" + BOUNDARY.encode() + b"\r\n"
    body = b"".join(line + part + b"\r\n" for part in parts) + line[:-2] + b"--\r\n"
    if chance.random() < 0.25:
        body = mutated_bytes(body, chance)
    boundary = BOUNDARY if chance.random() < 0.92 else chance.choice((*BOUNDARIES, text(chance)[:100]))
    return f"multipart/form-data; boundary={boundary}", body


def _field(name: str, value: str) -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"\r\n\r\n'
    return (head + value).encode("utf-8", "surrogatepass")


def _file(name: str, chance: Random) -> bytes:
    called = "report.pdf" if chance.random() < 0.5 else chance.choice((*NAMES, text(chance)[:200]))
    kind = chance.choice((*TYPES, TYPES[0], TYPES[0], text(chance)[:100]))
    name = name if chance.random() < 0.9 else text(chance)[:60]
    head = f'Content-Disposition: form-data; name="{name}"; filename="{called}"\r\nContent-Type: {kind}\r\n\r\n'
    return head.encode("utf-8", "surrogatepass") + chance.choice(CONTENTS)
