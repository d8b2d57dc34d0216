"""``python -m bench.reading FILE``: read a policy once, in a process that has its modules loaded, and say how long
it took."""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path

from sayso_bot.policy import Documents, load


def main(path: Path) -> None:
    load("rules: [{action: a, when: agent == 'x', allow: true}]", "first")  # modules and tables that stay
    gc.collect()
    gc.freeze()
    begun, used = time.perf_counter(), time.process_time()
    text, policy = Documents().from_file(path)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - used
    about = {"rules": len(policy.in_order), "bytes": len(text.encode())}
    print(json.dumps({"seconds": seconds, "cpu_seconds": round(cpu, 2), **about}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
