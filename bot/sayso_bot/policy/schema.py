"""The grammar of a policy document as a JSON Schema, for editors.

It is made from the shapes by which documents are read. What only reading can tell (that a channel exists, that a
condition is one, that a rule is reached) `sayso policy check` tells.
"""

from __future__ import annotations

from typing import Any

from sayso_bot.policy.cases import case_grammar
from sayso_bot.policy.grammar import grammar
from sayso_bot.policy.places import BUILT_PLATFORMS

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema(platforms: frozenset[str] = BUILT_PLATFORMS) -> dict[str, Any]:
    """A JSON Schema (2020-12) of the policy."""
    return {"$schema": _DRAFT, "title": "A policy of Sayso", **grammar(platforms).schema()}


def case_schema() -> dict[str, Any]:
    """The same of a file of cases."""
    return {"$schema": _DRAFT, "title": "Cases of a policy of Sayso", **case_grammar().schema()}
