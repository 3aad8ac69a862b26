#!/usr/bin/env python3
"""Real phones against the real daemon: run.py BINARY [SCENARIO ...].

Each scenario gets a daemon of its own in a temporary folder, on loopback and free ports. Exit 0 when all hold.
"""

import importlib
import sys
import tempfile
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    binary, wanted = sys.argv[1], sys.argv[2:]
    names = sorted(path.stem for path in (HERE / "scenarios").glob("*.py") if not path.stem.startswith("_"))
    failed = 0
    for name in names:
        if wanted and name not in wanted:
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"tandem-{name}-", ignore_cleanup_errors=True) as folder:
            try:
                figures = importlib.import_module(f"scenarios.{name}").run(binary, folder)
                print(f"ok   {name} ({time.monotonic() - began:.0f} s): {figures}", flush=True)
            except Exception:
                failed += 1
                print(f"FAIL {name}", flush=True)
                traceback.print_exc()
                log = Path(folder) / "switch.log"
                if log.exists():
                    print(log.read_text(errors="replace")[-3000:])
    count = len(wanted or names)
    print(f"{count - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
