"""Hold what is sent to Slack and Teams against the platforms' own schemas (`make schemas`): the manifests of the apps,
Slack's for HTTP and for Socket Mode, and every kind of Adaptive Card.

The schemas are Slack's and Microsoft's and are not part of this project: a folder with them is used where one is at
hand. The suite has structural tests of its own that always run. Exit code 0 when all is accepted, 1 when something is
not, 2 when a schema is missing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import validators

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT.parent / "shared" / "schemas"
sys.path.insert(0, str(ROOT / "tests"))

from sayso_adapters.slack.manifest import manifest  # noqa: E402
from sayso_adapters.teams.manifest import manifest as teams_manifest  # noqa: E402
from unit.teams.teams_gallery import gallery  # noqa: E402


def checked() -> dict[str, Mapping[str, Any]]:
    """Documents by the name of the schema's file."""
    slack: dict[str, Any] = {
        "manifest for HTTP": yaml.safe_load((ROOT / "manifest.yml").read_text(encoding="utf-8")),
        "manifest for Socket Mode": yaml.safe_load(manifest("https://sayso.example.com", socket=True)),
    }
    app = teams_manifest("11111111-2222-3333-4444-555555555555", "https://sayso.example.com", "0.1.0")
    made: dict[str, Mapping[str, Any]] = {
        "adaptive-card.1.5.json": gallery(),
        "teams-app-manifest.json": {"manifest": app},
    }
    for name, asked in slack.items():
        schema = f"slack-app-manifest.{asked['_metadata']['major_version']}.json"
        made[schema] = {**made.get(schema, {}), name: asked}
    return made


def main(folder: Path) -> int:
    wrong = 0
    for name, documents in checked().items():
        path = folder / name
        if not path.exists():
            print(f"no {name} in {folder}: give the folder that holds it")
            return 2
        schema = json.loads(path.read_text(encoding="utf-8"))
        validator = validators.validator_for(schema)(schema)
        for what, document in documents.items():
            faults = list(validator.iter_errors(document))
            for fault in faults:
                print(f"{name}: {what}: {'.'.join(map(str, fault.absolute_path)) or 'the whole'}: {fault.message}")
            print(f"{name}: {what}: {'accepted' if not faults else f'{len(faults)} faults'}")
            wrong += len(faults)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else SCHEMAS))
