"""A virtual environment for each peer, under `.venv-peers/`, with exactly what its `.txt` pins.

One that is built is kept until its pins or the interpreter change. A peer that cannot be installed ends the run: a
comparison that leaves one out silently would say less than it seems to.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / ".venv-peers"
INSTALL_SECONDS = 240


class Broken(Exception):
    """A peer, or Sayso, did not install, start or answer as its own documentation says."""


def bin_of(peer: str) -> Path:
    """The folder of the peer's commands, built first where it is missing. Raises `Broken`."""
    return built_of(HERE / f"{peer}.txt", FOLDER / peer)


def built_of(pins: Path, folder: Path) -> Path:
    """The folder of commands of an environment with what ``pins`` names. Raises `Broken`."""
    wanted = hashlib.sha256(sys.version.encode() + pins.read_bytes()).hexdigest()
    built = folder / "built"
    if not built.exists() or built.read_text() != wanted:
        print(f"Building {folder.parent.name}/{folder.name} (once)", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        _install(folder / "bin" / "python", pins)
        built.write_text(wanted)
    return folder / "bin"


def _install(python: Path, pins: Path) -> None:
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
        str(pins),
    ]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        raise Broken(f"{pins.stem} was not installed within {INSTALL_SECONDS} s.") from None
    if done.returncode:
        raise Broken(f"{pins.stem} cannot be installed:\n{done.stderr[-2000:]}")
