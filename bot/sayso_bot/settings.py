"""What the operator sets: environment variables with the prefix SAYSO_, each with a ``…_FILE`` form.

Every wrong variable is named at once, each in a sentence of ours, and nothing that might be a secret is repeated.
A variable that this version does not know is refused: a setting that is silently ignored is a gate left open.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from sayso_bot.domain.hosts import is_loopback
from sayso_bot.domain.text import one_line
from sayso_bot.errors import Unusable
from sayso_bot.store.durability import Durability

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

PREFIX = "SAYSO_"
PLATFORMS = ("SLACK_", "TEAMS_")
_OF_THE_CLIENT = frozenset({"SAYSO_URL", "SAYSO_KEY", "SAYSO_URL_FILE", "SAYSO_KEY_FILE"})
_NAMES_A_FILE = frozenset({"TEAMS_CERT_FILE"})
_LARGEST_FILE = 64 * 1024
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*\.?")
_BOOK = re.compile(r"[a-z0-9-]{1,32}")
_KUBERNETES_VALUE = re.compile(r"(tcp|udp)://.*")
_KUBERNETES_NAME = re.compile(r"SAYSO_(SERVICE_(HOST|PORT).*|PORT_\d+_.*)")
_KUBERNETES = (
    " Kubernetes sets it for a Service named sayso: put enableServiceLinks: false in the pod's spec, or rename that"
    " Service."
)
_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})


# --------------------------------------------------------------------------- one value each; errors end a sentence


def _host(text: str) -> str:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if _address(bare) is None and not _HOST_NAME.fullmatch(bare):
        raise ValueError("must be an address such as 127.0.0.1 or ::1, or a host name, without a port")
    return bare


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise ValueError("must be a whole number from 1 to 65535")
    return int(text)


def _redis_url(text: str) -> str:
    parts = _split(text)
    if parts is None or parts.scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("must begin with redis://, rediss:// or unix://")
    if not (parts.path if parts.scheme == "unix" else parts.hostname):
        raise ValueError("must name a host (redis://HOST:6379) or a socket (unix:///PATH)")
    return text


def _path(text: str) -> Path:
    if "\0" in text:
        raise ValueError("must be a path")
    return Path(text).absolute()


def _book(text: str) -> str:
    if not _BOOK.fullmatch(text):
        raise ValueError("must be 1 to 32 of the characters a to z, 0 to 9 and -")
    return text


def _public_url(text: str) -> str:
    parts = _split(text)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an address that begins with https:// or http://")
    if "@" in parts.netloc or "?" in text or "#" in text or parts.path not in {"", "/"}:
        raise ValueError("must be scheme, host and port only, as in https://sayso.example.com")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError("must be networks or addresses with commas between, as in 10.0.0.0/8,127.0.0.1") from None


def _secret(text: str) -> bytes:
    try:
        raw = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32:
        raise ValueError("must be 32 random bytes in base64; this makes some: openssl rand -base64 32")
    return raw


def _word(*words: str) -> BeforeValidator:
    def check(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"must be {', '.join(words[:-1])} or {words[-1]}")
        return text.lower()

    return BeforeValidator(check)


def _switch(text: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        raise ValueError("must be 1 or 0")
    return text.lower() in _TRUE


def _split(text: str) -> Any:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


# --------------------------------------------------------------------------- the settings


class Settings(BaseSettings):
    """The service's settings. `load` is the way to make them; ``repr`` shows no secret.

    ``data_dir`` and ``policy`` are absolute. ``public_url`` is always set once loaded, without a slash at its end.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=PREFIX, validate_default=False)

    host: Annotated[str, BeforeValidator(_host)] = "127.0.0.1"
    port: Annotated[int, BeforeValidator(_port)] = 8080
    redis_url: Annotated[str | None, BeforeValidator(_redis_url), Field(repr=False)] = None
    data_dir: Annotated[Path, BeforeValidator(_path)] = Field(default_factory=lambda: _path(".sayso"))
    policy: Annotated[Path | None, BeforeValidator(_path)] = None
    book: Annotated[str, BeforeValidator(_book)] = "main"
    public_url: Annotated[str, BeforeValidator(_public_url)] = ""
    trusted_proxies: Annotated[tuple[Network, ...], BeforeValidator(_networks)] = ()
    durability: Annotated[Durability, BeforeValidator(Durability.parse)] = Durability()
    secret: Annotated[bytes | None, BeforeValidator(_secret), Field(repr=False)] = None
    log_format: Annotated[Literal["console", "json", "auto"], _word("console", "json", "auto")] = "auto"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], _word("debug", "info", "warning", "error")] = (
        "info"
    )
    insecure: Annotated[bool, BeforeValidator(_switch)] = False

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """The settings in ``environ`` (the process's by default). Raises `Unusable`, naming all wrong variables."""
        environ = os.environ if environ is None else environ
        source = EnvironmentSource(cls, environ)
        wrong = [*source.wrong, *_unknown(environ)]
        try:
            loaded = cls(_build_sources=((source,), {}))  # type: ignore[call-arg]
        except ValidationError as error:
            raise Unusable("\n".join([*wrong, *_sentences(error, environ)])) from None
        if wrong:
            raise Unusable("\n".join(wrong))
        return loaded._with_address()

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)

    def _with_address(self) -> Settings:
        if not (self.is_loopback or self.public_url.startswith("https://") or self.insecure):
            raise Unusable(
                f"SAYSO_HOST is {self.host}, so others could reach Sayso over plain http, where keys and sessions can"
                " be read on the way. Put https in front and name it in SAYSO_PUBLIC_URL (https://…), or accept plain"
                " http with SAYSO_INSECURE=1."
            )
        return self if self.public_url else self.model_copy(update={"public_url": self._own_address()})

    def _own_address(self) -> str:
        address = _address(self.host)
        if address is None:
            return f"http://{self.host.lower()}:{self.port}"
        host = "localhost" if address.is_unspecified else f"[{address}]" if address.version == 6 else str(address)
        return f"http://{host}:{self.port}"


class EnvironmentSource(PydanticBaseSettingsSource):
    """SAYSO_NAME, or the file that SAYSO_NAME_FILE names. ``wrong`` holds a sentence for each that cannot be read."""

    def __init__(self, settings_cls: type[BaseSettings], environ: Mapping[str, str]) -> None:
        super().__init__(settings_cls)
        self._read, self.wrong = _with_files(environ, [PREFIX + name.upper() for name in settings_cls.model_fields])

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        return self._read.get(PREFIX + field_name.upper()), field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def environment(environ: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """What adapters are given: the environment without Sayso's own variables, platforms' ``…_FILE`` forms read.

    Raises `Unusable`, naming every form that cannot be read.
    """
    environ = os.environ if environ is None else environ
    forms = {
        name
        for name in environ
        if name.startswith(PLATFORMS) and name.endswith("_FILE") and name not in _NAMES_A_FILE and environ[name]
    }
    read, wrong = _with_files(environ, sorted(name.removesuffix("_FILE") for name in forms))
    if wrong:
        raise Unusable("\n".join(wrong))
    kept = {name: value for name, value in environ.items() if not name.startswith(PREFIX) and name not in forms}
    return kept | read


# --------------------------------------------------------------------------- reading, and saying what is wrong


def _with_files(environ: Mapping[str, str], names: list[str]) -> tuple[dict[str, str], list[str]]:
    """The values of ``names`` that are set (empty is unset), and a sentence for each that cannot be had."""
    values: dict[str, str] = {}
    wrong: list[str] = []
    for name in names:
        value, file = environ.get(name, ""), environ.get(f"{name}_FILE", "")
        if value and file:
            wrong.append(f"{name} and {name}_FILE are both set: keep one.")
        elif value:
            values[name] = value
        elif file:
            try:
                values[name] = _contents(file)
            except ValueError as error:
                wrong.append(f"{name}_FILE names {one_line(file)}, which {error}.")
    return values, wrong


def _contents(file: str) -> str:
    """The file's text without one new line at its end. Raises `ValueError` with the end of a sentence."""
    try:
        with Path(file).open("rb") as opened:
            raw = opened.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        raise ValueError("does not exist") from None
    except PermissionError:
        raise ValueError("this user may not read") from None
    except (OSError, ValueError):
        raise ValueError("cannot be read as a file") from None
    if len(raw) > _LARGEST_FILE:
        raise ValueError("is larger than 64 KiB") from None
    try:
        text = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError("is not text") from None
    if not text:
        raise ValueError("is empty")
    return text


def _unknown(environ: Mapping[str, str]) -> list[str]:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    allowed = known | {f"{name}_FILE" for name in known} | _OF_THE_CLIENT
    sentences = []
    for name in sorted(name for name in environ if name.startswith(PREFIX) and name not in allowed):
        if _KUBERNETES_NAME.fullmatch(name):
            sentences.append(f"{name} is not a setting of Sayso.{_KUBERNETES}")
            continue
        nearest = difflib.get_close_matches(name.removesuffix("_FILE"), sorted(known), n=1, cutoff=0)[0]
        sentences.append(f"{one_line(name)} is not a setting of this version; the nearest known one is {nearest}.")
    return sentences


def _sentences(error: ValidationError, environ: Mapping[str, str]) -> list[str]:
    sentences = []
    for found in error.errors(include_url=False):
        name = PREFIX + str(found["loc"][0]).upper()
        reason = found.get("ctx", {}).get("error", "has a value that cannot be used")
        kubernetes = _KUBERNETES if _KUBERNETES_VALUE.fullmatch(environ.get(name, "")) else ""
        sentences.append(f"{name} {reason}.{kubernetes}")
    return sentences
