"""Hold the Slack manifests, for HTTP and for Socket Mode, against Slack's own schema (`make schemas`).

The schemas are Slack's and are not part of this project: a folder with them is used where one is at hand. The suite has
a structural test of its own that always runs. Exit code 0 when both manifests are accepted, 1 when one is not, 2 when
there are no schemas to check with.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml
from jsonschema import validators

from sayso_adapters.slack.manifest import manifest

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT.parent / "shared" / "schemas"


def main(folder: Path) -> int:
    found = sorted(folder.glob("slack-app-manifest.*.json"))
    if not found:
        print(f"no Slack manifest schema in {folder}: give the folder that holds slack-app-manifest.2.json")
        return 2
    manifests = {
        "HTTP": yaml.safe_load((ROOT / "manifest.yml").read_text(encoding="utf-8")),
        "Socket Mode": yaml.safe_load(manifest("https://sayso.example.com", socket=True)),
    }
    wrong = 0
    for path in found:
        schema = json.loads(path.read_text(encoding="utf-8"))
        for name, asked in manifests.items():
            if f".{asked['_metadata']['major_version']}." not in path.name:
                continue
            faults = list(validators.validator_for(schema)(schema).iter_errors(asked))
            for fault in faults:
                where = ".".join(map(str, fault.absolute_path)) or "the manifest"
                print(f"{path.name}: {name}: {where}: {fault.message}")
            print(f"{path.name}: {name}: {'accepted' if not faults else f'{len(faults)} faults'}")
            wrong += len(faults)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else SCHEMAS))
