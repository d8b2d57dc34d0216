"""Mutators of bytes, texts and JSON. Each is given its source of chance, so that a seed repeats what it made."""

from __future__ import annotations

import json
from random import Random
from typing import Any
from urllib.parse import quote

MARKUP = "<script>fuzz</script>"
TEXTS = (
    "", " ", "\0", "\ud800", "\udfff\ud800", "\u202eevil", "\u200b\ufeff", "\u2028", "a\u0301" * 40, "🧨" * 30, "é",
    "İ", "ß", MARKUP, "{{7*7}}", "{% if %}", "${jndi:x}", "%s%n%x", "%00", "%ff%fe", "%zz", "../../etc/passwd",
    "..%2f..%2f", "\\..\\", "'; DROP TABLE x; --", "a\r\nX-Injected: 1", "a\nX-Injected: 1", "\x1b[31m", "\x7f",
    "<!channel>", "<@U0ANA>", "`" * 9, "true", "null", "0", "-1", "1e400", "NaN", "Infinity", "9" * 400, "0x10",
    "1_000", "٣٣", "１２", "+1", "1.", ".5", "--1", "req_00000000-0000-7000-8000-000000000000", "req_", "*",
    "a" * 300, "a" * 5000, "wait=0", "?", "#", "&", "=", ";", ",", '"', "__proto__", "constructor", "operator",
    "email:ana@example.com", "slack:T0TEAM/U0ANA", "approve", "deny", "pending",
)  # fmt: skip
NUMBERS = (
    "0", "-0", "0.0", "-0.0", "1", "-1", "1.0", "1.10", "1e5", "1E+2", "0.1e1", "9007199254740991",
    "9007199254740992", "9007199254740993", "-9007199254740993", "1e21", "1e22", "123456789012345678901", "1e308",
    "1e309", "5e-324", "1e-400", "0.1", "0.30000000000000004", "NaN", "Infinity", "-Infinity", "01", "+1", "1.",
    ".5", "1e", "0x1", "1" * 500, "1." + "0" * 500, "1e99999999999999999999",
)  # fmt: skip
DEEP = 40
MANY = 6000
BOTTOMLESS = (900, 1100, 50_000)
MOST_BYTES = 400_000


class Raw(str):
    """JSON text that is written as it is."""

    __slots__ = ()


class Pairs(list[tuple[Any, Any]]):
    """Members of an object in order; names may occur twice."""


def text(chance: Random) -> str:
    """An odd text, or two."""
    found = chance.choice(TEXTS)
    return found + chance.choice(TEXTS) if chance.random() < 0.2 else found


def in_address(chance: Random, most: int = 300, safe: str = "") -> str:
    """An odd text as it can stand in an address."""
    return quote(text(chance)[:most], safe=safe, errors="surrogatepass")


def odd_json(chance: Random) -> Any:
    """A value that few expect."""
    match chance.randrange(10):
        case 0:
            return Raw(chance.choice(NUMBERS))
        case 1:
            return chance.choice((None, True, False, [], {}, "", 0))
        case 2:
            return _nested(chance.choice((5, 31, 32, 33, DEEP)), chance)
        case 3 if chance.random() < 0.1:
            return [0] * chance.choice((MANY, 4999, 5001))
        case 4:
            return Pairs([(text(chance), text(chance)) for _ in range(chance.randrange(4))])
        case 5:
            return [text(chance) for _ in range(chance.randrange(4))]
        case 6 if chance.random() < 0.1:
            return "x" * chance.choice((70_000, 300_000))
        case 7 if chance.random() < 0.1:
            return Raw("[" * chance.choice(BOTTOMLESS))
    return text(chance)


def _nested(depth: int, chance: Random) -> Any:
    value: Any = text(chance)
    for _ in range(depth):
        value = [value] if chance.random() < 0.5 else {"a": value}
    return value


def mutated_json(value: Any, chance: Random, rate: float = 0.15) -> Any:
    """``value`` with some of its nodes replaced, left out, doubled, renamed or joined by others."""
    if chance.random() < rate / 3:
        return odd_json(chance)
    if isinstance(value, list):
        kept = [mutated_json(item, chance, rate) for item in value if chance.random() > rate / 3]
        return kept + kept[:1] if chance.random() < rate / 3 else kept
    if not isinstance(value, dict):
        return odd_json(chance) if chance.random() < rate else value
    members = Pairs()
    for name, item in value.items():
        if chance.random() < rate / 3:
            continue
        name = text(chance) if chance.random() < rate / 4 else name
        members.append((name, mutated_json(item, chance, rate)))
    if members and chance.random() < rate / 3:
        members.append((chance.choice(members)[0], odd_json(chance)))
    if chance.random() < rate / 3:
        members.append((text(chance), odd_json(chance)))
    return members


def written(value: Any) -> str:
    """``value`` as JSON text, `Raw` and `Pairs` as they stand."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        value = Pairs(value.items())
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{json.dumps(str(name))}:{written(item)}" for name, item in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def mutated_bytes(data: bytes, chance: Random, other: bytes = b"") -> bytes:
    """``data`` with one to four changes of its bytes; some take a piece of ``other``."""
    for _ in range(chance.randrange(1, 5)):
        data = _changed(data, chance, other)
    return data[:MOST_BYTES]


def _changed(data: bytes, chance: Random, other: bytes) -> bytes:
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + chance.choice((1, 1, 2, 4, 16, 64)))
    piece = data[start:end]
    match chance.randrange(8):
        case 0:
            return data[:start] + bytes(byte ^ (1 << chance.randrange(8)) for byte in piece) + data[end:]
        case 1:
            return data[:start] + data[end:]
        case 2:
            return data[:start] + piece * chance.choice((2, 3, 50)) + data[end:]
        case 3:
            return data[:start] + chance.randbytes(chance.choice((1, 2, 8))) + data[start:]
        case 4:
            return data[:start] + text(chance).encode("utf-8", "surrogatepass") + data[end:]
        case 5 if other:
            cut = chance.randrange(len(other))
            return data[:start] + other[cut : cut + chance.choice((1, 8, 64, 512))] + data[end:]
        case 6 if chance.random() < 0.3:
            return data[:start]
        case 7:
            return (
                data[:start]
                + chance.choice((b"\r\n", b"\n", b"\r", b"\0", b":", b" ", b"\t", b"\xff", b"\r\n\r\n"))
                + data[start:]
            )
    return data
