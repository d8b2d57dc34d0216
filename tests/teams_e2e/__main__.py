"""`make teams-e2e`: people use Microsoft's emulator of Teams, and the service answers as its own process.

A line for each scene, then one that says what held. Exit 1 where a scene did not hold, or Microsoft's renderer does not
understand a card that was shown.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
import traceback
from pathlib import Path

import httpx

from fakes.teams_limits import card_faults
from fakes.teams_tenant import APP, TENANT
from service import QUICK, ServiceProcess
from teams_e2e.emulator import Emulator
from teams_e2e.renderer import complaints
from teams_e2e.scenes import POLICY, SCENES, Stage
from teams_e2e.tools import EMULATOR, Missing, installed

FOLDER = Path(__file__).resolve().parents[2] / "build" / "teams-e2e"


def main() -> int:
    began = time.monotonic()
    try:
        modules = installed(FOLDER)
    except Missing as error:
        print(f"teams-e2e: {error}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "policy.yaml").write_text(POLICY)
        environ = {
            "SAYSO_POLICY": str(folder / "policy.yaml"),
            "TEAMS_LOCAL": "1",
            "TEAMS_APP_ID": APP,
            "TEAMS_TENANT_ID": TENANT,
        }
        with ServiceProcess(folder, environ) as service:
            failed, cards = asyncio.run(_play(service, modules, folder))
            if failed:
                print(service.log.read_text()[-6000:], file=sys.stderr)
    wrong = sorted({*complaints(modules, cards), *(fault for card in cards for fault in card_faults(card))})
    for complaint in wrong:
        print(f"  a card: {complaint}")
    print(
        f"teams-e2e: {len(SCENES) - len(failed)} of {len(SCENES)} scenes held with Microsoft's emulator {EMULATOR[1]};"
        f" its renderer found {len(wrong) or 'nothing'} wrong in {len(cards)} cards; {time.monotonic() - began:.0f} s."
    )
    return 1 if failed or wrong or not cards else 0


async def _play(service: ServiceProcess, modules: Path, folder: Path) -> tuple[list[str], list[dict[str, object]]]:
    """The scenes that did not hold, and every card that was shown."""
    failed = []
    key = await service.key("refunder", quotas=QUICK)
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        Emulator(modules, folder, f"{service.url}/api/messages") as emulator,
        httpx.AsyncClient(base_url=service.url, headers=headers, timeout=70, trust_env=False) as agent,
    ):
        for number, scene in enumerate(SCENES, 1):
            said = f"[{number}/{len(SCENES)}] {scene.__doc__}"
            try:
                await scene(Stage(emulator, agent))
            except Exception:  # noqa: BLE001 - the other scenes are played all the same
                failed.append(scene.__name__)
                print(f"{said}: did NOT hold\n{traceback.format_exc()}", flush=True)
            else:
                print(f"{said}: held", flush=True)
        return failed, emulator.cards


if __name__ == "__main__":
    sys.exit(main())
