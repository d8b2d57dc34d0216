"""How Hypothesis runs here: a case is judged by what it finds, not by how busy the machine was."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
