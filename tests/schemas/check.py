"""Hold the Slack manifest against Slack's own schema, where a folder with the schemas is at hand (`make schemas`).

The schemas are Slack's and are not part of this project; the suite has a structural test of its own that always runs.
Exit code 0 when the manifest is accepted, 1 when it is not, 2 when there are no schemas to check with.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from jsonschema import validators
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT.parent / "shared" / "schemas"


def main(folder: Path) -> int:
    found = sorted(folder.glob("slack-app-manifest.*.json"))
    if not found:
        print(f"no Slack manifest schema in {folder}: give the folder that holds slack-app-manifest.2.json")
        return 2
    manifest = YAML(typ="safe").load((ROOT / "manifest.yml").read_text())
    major = manifest["_metadata"]["major_version"]
    wrong = 0
    for path in found:
        if f".{major}." not in path.name:
            continue
        schema = json.loads(path.read_text())
        faults = list(validators.validator_for(schema)(schema).iter_errors(manifest))
        for fault in faults:
            print(f"{path.name}: {'.'.join(map(str, fault.absolute_path)) or 'the manifest'}: {fault.message}")
        print(f"{path.name}: {'accepted' if not faults else f'{len(faults)} faults'}")
        wrong += len(faults)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else SCHEMAS))
