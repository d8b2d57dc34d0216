"""`make integrations`: the published clients of The Handover, each in an environment of its own, ask a running service.

Exit 1 where one cannot be installed, or does not do what docs/handover.md says.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress
from pathlib import Path

from bench.peers.environments import Broken, built_of
from integrations.approver import answer_all
from service import serving

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / ".venv-integrations"
VERSIONS = ("the-handover-0.3.0", "the-handover-0.4.0")
SECONDS = 120.0
POLICY = """
rules:
  - action: handover.decision
    params: {action: string}
    when: params.action == 'allowed'
    allow: true
  - action: handover.decision
    ask: {channel: inbox, approvers: [email:ana@example.com], forms: true}
"""


def main() -> int:
    began = time.monotonic()
    try:
        pythons = [built_of(HERE / f"{name}.txt", FOLDER / name) / "python" for name in VERSIONS]
    except Broken as error:
        print(f"integrations: {error}", file=sys.stderr)
        return 1
    codes = [asyncio.run(_run(python)) for python in pythons]
    failed = sum(code != 0 for code in codes)
    print(f"{len(codes) - failed} passed, {failed} failed")
    print(f"Clients of The Handover: {', '.join(VERSIONS)}, in {time.monotonic() - began:.0f} s.")
    return 1 if failed else 0


async def _run(python: Path) -> int:
    """The exit code of one client's run."""
    async with serving(policy=POLICY) as sayso:
        _, key = await sayso.key("handover-client")
        approver = asyncio.create_task(answer_all(sayso))
        command = [str(python), str(HERE / "handover_client.py"), sayso.url, key]
        process = await asyncio.create_subprocess_exec(*command, env={"NO_PROXY": "*", "PYTHONWARNINGS": "ignore"})
        try:
            async with asyncio.timeout(SECONDS):
                return await process.wait()
        except TimeoutError:
            process.kill()
            print(f"integrations: not done within {SECONDS:.0f} s", file=sys.stderr)
            return 1
        finally:
            approver.cancel()
            with suppress(asyncio.CancelledError):
                await approver


if __name__ == "__main__":
    sys.exit(main())
