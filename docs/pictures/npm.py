"""Packages of npm's for the pictures, and a script of ours bundled with them.

They are installed by name into a folder of `.venv`, so nothing of Node's lies in the project.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path


def bundle(folder: Path, packages: Sequence[str], script: Path, *options: str) -> None:
    """Put ``script``, bundled, and its styles into ``folder``. Packages are fetched where other ones lie there."""
    if shutil.which("npm") is None:
        raise SystemExit("The pictures of cards need Node: put node and npm on the PATH.")
    wanted = json.dumps({"private": True, "sayso": packages})
    described = folder / "wanted.json"
    if not described.exists() or described.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _run("npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--silent", *packages)
        described.write_text(wanted)
    esbuild = str(folder / "node_modules" / ".bin" / "esbuild")
    made = (f"--outdir={folder}", "--bundle", "--minify", "--log-level=warning")
    _run(esbuild, str(script), *made, *options, NODE_PATH=str(folder / "node_modules"))


def _run(*command: str, **environ: str) -> None:
    subprocess.run(command, check=True, env=os.environ | environ)  # noqa: S603
