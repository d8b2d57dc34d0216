"""What the run needs beside Python: Microsoft's emulator and renderer from npm, in a folder of the project's own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

EMULATOR = ("@microsoft/m365agentsplayground", "0.2.28")
RENDERER = ("adaptivecards", "3.0.6")
INSTALL_SECONDS = 300


class Missing(Exception):
    """What is missing, and what to do about it."""


def installed(folder: Path) -> Path:
    """The ``node_modules`` of ``folder``, with both packages in it; the first time needs the network."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Missing("node and npm are needed: install Node.js 18 or later, then run this again.")
    modules = folder / "node_modules"
    wanted = [f"{name}@{version}" for name, version in (EMULATOR, RENDERER)]
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == " ".join(wanted):
        return modules
    folder.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    if done.returncode:
        raise Missing(f"npm could not install {' and '.join(wanted)}: {done.stderr.strip()[-500:]}")
    stamp.write_text(" ".join(wanted))
    return modules
