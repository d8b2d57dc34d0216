"""Files of a request: what an approver put into its form, or an agent attached. What they hold is untrusted data."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from sayso.errors import Mismatch, Unusable
from sayso.strict_json import Json

_FILE_ID = re.compile(r"file_[0-9a-f]{32}\Z", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class File:
    """``name`` and ``type`` are words of whoever sent it. ``digest`` is ``sha256:`` and hexadecimal."""

    id: str
    name: str
    type: str
    size: int
    digest: str

    @classmethod
    def of(cls, told: File | Mapping[str, Json]) -> File:
        """One of ``request.files``, or an object of ``decision.response``. Raises `Unusable` for anything else."""
        if isinstance(told, File):
            return told
        found = [told.get(name) for name in ("id", "name", "type", "size", "digest")]
        file_id, name, kind, size, digest = found
        if (
            not isinstance(file_id, str)
            or not isinstance(name, str)
            or not isinstance(kind, str)
            or not isinstance(digest, str)
            or isinstance(size, bool)
            or not isinstance(size, int)
            or not _FILE_ID.match(file_id)
            or not _DIGEST.match(digest)
        ):
            raise Unusable("That is no file of a request. One is in request.files, or in decision.response.")
        return cls(file_id, name, kind, size, digest)

    def check(self, content: bytes) -> bytes:
        """``content``, where it is this file's. Raises `Mismatch`."""
        if len(content) != self.size or f"sha256:{hashlib.sha256(content).hexdigest()}" != self.digest:
            raise Mismatch("What came is not the file: its size or digest is another. Nothing of it was kept.")
        return content
