"""What pydantic finds wrong with a body, in our words: its kinds of errors as ends of sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def path_of(steps: Sequence[int | str]) -> str:
    """``form.fields[0].name``"""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")


def complaint(kind: str, context: Mapping[str, Any], shape: str) -> str:
    """The end of a sentence about a value; ``shape`` says how it must look, for one that does not."""
    return {
        "missing": "is required",
        "extra_forbidden": "is not a field of this version",
        "string_type": "must be a text",
        "dict_type": "must be an object",
        "model_type": "must be an object",
        "model_attributes_type": "must be an object",
        "list_type": "must be a list",
        "bool_type": "must be true or false",
        "float_type": "must be a number",
        "int_type": "must be a whole number",
        "union_tag_invalid": f"has a type that is none of {context.get('expected_tags')}",
        "union_tag_not_found": "needs a type",
        "too_short": "is empty",
        "greater_than_equal": "is too small",
        "less_than_equal": "is too large",
        "string_too_short": "is empty",
        "string_too_long": f"has at most {context.get('max_length')} characters",
        "too_long": f"has at most {context.get('max_length')} entries",
        "string_pattern_mismatch": shape,
        "literal_error": f"is none of {context.get('expected')}",
    }.get(kind, "is not acceptable")
