"""Microsoft's own renderer of Adaptive Cards says what it does not understand in a card."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from fakes.teams_limits import Json
from teams_e2e.tools import RENDERER

_SCRIPT = """
const AC = require(process.argv[1]);
const cards = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(cards.map((json) => {
  const card = new AC.AdaptiveCard(), context = new AC.SerializationContext();
  card.parse(json, context);
  const parsed = [...Array(context.eventCount)].map((_, at) => context.getEventAt(at).message);
  return [...parsed, ...card.validateProperties().validationEvents.map((event) => event.message)];
})));
"""


def complaints(modules: Path, cards: Sequence[Json]) -> list[str]:
    """What the renderer finds wrong in ``cards``, each once."""
    library = modules / RENDERER[0] / "dist" / "adaptivecards.js"
    command = ["node", "-e", _SCRIPT, str(library)]
    done = subprocess.run(command, input=json.dumps(cards), capture_output=True, text=True, timeout=60, check=True)
    return sorted({complaint for found in json.loads(done.stdout) for complaint in found})
