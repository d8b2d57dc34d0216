"""The fingerprint is the one that docs/fingerprint.md promises to executors."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from sayso_bot.domain.fingerprint import canonical, fingerprint
from sayso_bot.domain.json import Json, loads

PAGE = Path(__file__).parents[2] / "docs" / "fingerprint.md"
VECTORS = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| `([^`]+)` \| `(sha256:[0-9a-f]{64})` \|$", PAGE.read_text(), re.M)


def test_the_vectors_of_the_page_hold() -> None:
    assert len(VECTORS) == 14
    for action, params, text, expected in VECTORS:
        value = loads(params.encode())
        assert isinstance(value, dict)
        assert canonical({"action": action, "agent": "refunder", "params": value}).decode() == text
        assert "sha256:" + hashlib.sha256(text.encode()).hexdigest() == expected
        assert fingerprint(action, "refunder", value) == expected


def test_rows_are_one_request_exactly_where_the_page_says_so() -> None:
    prints = [vector[3] for vector in VECTORS]
    same = [(i, j) for i in range(14) for j in range(i) if prints[i] == prints[j]]
    assert [(i + 1, j + 1) for i, j in same] == [(3, 2), (6, 5), (10, 8)]


def test_agent_and_action_are_part_of_it() -> None:
    prints = {fingerprint(action, agent, {"x": 1}) for action in ("a", "b") for agent in ("a", "b")}
    assert len(prints) == 4


def test_the_canonical_text_needs_nothing_of_ours_where_it_is_simple() -> None:
    """ASCII keys, texts and small whole numbers: a few lines in any language."""
    plain: dict[str, Json] = {
        "params": {"order": "A-1", "amount": 750},
        "agent": "refunder",
        "action": "payments.refund",
    }
    assert canonical(plain) == json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()
