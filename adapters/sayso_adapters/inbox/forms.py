"""A form as the inbox's own pages send it, and no other: URL-encoded UTF-8, small, whole within seconds.

The caller chooses nothing: the framework would decode with whichever codec a header names, and some take minutes. A
form with files comes in parts instead; each file is handed on as it comes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from aiohttp import web

from sayso_adapters.callbacks import body_of
from sayso_adapters.multiparts import Part, Parts
from sayso_bot.errors import BadHttp, BodyTooLarge, InvalidField, UnsupportedMediaType

MAX_FORM_BYTES = 64 * 1024
FORM_SECONDS = 10.0
MAX_FIELDS = 20


@dataclass(frozen=True, slots=True)
class Bounds:
    bytes: int = MAX_FORM_BYTES
    fields: int = MAX_FIELDS


WIDE = Bounds(1024 * 1024, 2200)
"""For what people fill in for an agent: all that `sayso_bot.domain.form` takes, or params as large as they may be."""
MOST_WITH_FILES = 64 * 1024 * 1024
"""A form with its files, where no script has sent them one by one before."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The fields of a form, each with all its values in their order."""

    values: Mapping[str, tuple[str, ...]]

    def get(self, name: str, default: str = "") -> str:
        """The last value of ``name``."""
        found = self.all(name)
        return found[-1] if found else default

    def all(self, name: str) -> tuple[str, ...]:
        return self.values.get(name, ())


async def read_form(http_request: web.Request, bounds: Bounds) -> Sent:
    """The fields of the form. Raises `UnsupportedMediaType`, `BodyTooLarge`, `BadHttp` or `InvalidField`."""
    if http_request.content_type != "application/x-www-form-urlencoded":
        raise UnsupportedMediaType("This address takes forms only. Nothing was changed.")
    if (http_request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("This address takes forms in UTF-8 only. Nothing was changed.")
    body = await _body(http_request, bounds.bytes)
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            strict_parsing=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=bounds.fields,
        )
    except ValueError:  # of which UnicodeDecodeError is one
        raise InvalidField("The form is not a form in UTF-8. Nothing was changed.") from None
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return Sent({name: tuple(found) for name, found in values.items()})


async def read_parts(
    http_request: web.Request,
    bounds: Bounds,
    admit: Callable[[Sent], None],
    keep: Callable[[str, Part, Sent], Awaitable[str | None]],
) -> Sent:
    """The fields of a form with files. ``keep`` is given each file, with what came before it, and says what stands for
    it.

    ``admit`` raises for a form that is not from our page; it is asked before a file is read, and at the end. Raises as
    `Parts` does.
    """
    parts = Parts(http_request, most_bytes=MOST_WITH_FILES, most_parts=bounds.fields)
    values: dict[str, tuple[str, ...]] = {}
    room = bounds.bytes
    while (part := await parts.next()) is not None:
        if part.filename is None:
            value: str | None = await part.text(room)
            room -= len(value or "")
        elif part.filename == "":
            continue  # nothing was chosen
        else:
            admit(Sent(values))
            value = await keep(part.name, part, Sent(values))
        if value is not None:
            values[part.name] = (*values.get(part.name, ()), value)
    admit(Sent(values))
    return Sent(values)


async def _body(http_request: web.Request, most: int) -> bytes:
    """The body, whose length nobody vouches for."""
    try:
        body = await body_of(http_request, most, FORM_SECONDS)
    except TimeoutError:
        raise BadHttp(f"The form did not arrive whole within {FORM_SECONDS:.0f} s. Nothing was changed.") from None
    except ConnectionError:  # whoever sent it is gone; it is no fault of ours, and nobody reads the answer
        raise BadHttp("The form did not arrive whole. Nothing was changed.") from None
    if body is None:
        raise BodyTooLarge(f"A form has at most {most // 1024} KiB. Nothing was changed.")
    return body
