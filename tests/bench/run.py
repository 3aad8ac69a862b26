#!/usr/bin/env python3
"""CPU, time and memory of a call, of audio and of registrations: run.py BINARY [MEASURE ...].

TANDEM_BENCH names the folder with `sipload.c` (and `floor.c`). Each measure drives our daemon and the baselines in
turn, in the same run, because only ratios and CPU time mean much on a shared machine. Loopback only, bounded.

Measures: calls (CPU-ms a call at several rates), setup (set-up time at 300 a second, digest and hold durable),
top (clean rates from 1,500 a second up), hold (open calls: CPU and memory), media (CPU-us a packet), memory
(back to where it was after 10,000 calls), start (until the first REGISTER is answered, 10,000 devices and 100,000
rates), registers (REGISTER with digest). Without a name: calls, setup, hold, media.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measures import MEASURES


def build(bench, folder):
    """The generator and the machine's floor."""
    for name in ["sipload", "floor"]:
        subprocess.run(["cc", "-O2", "-w", "-pthread", "-o", f"{folder}/{name}", f"{bench}/{name}.c"], check=True)


def main():
    bench = os.environ.get("TANDEM_BENCH")
    if len(sys.argv) < 2 or not bench:
        sys.exit(__doc__)
    binary = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="tandem-bench-", ignore_cleanup_errors=True) as folder:
        build(bench, folder)
        for name in sys.argv[2:] or ["calls", "setup", "hold", "media"]:
            print(f"== {name}", flush=True)
            work = Path(folder) / name
            work.mkdir()
            MEASURES[name](binary, work, Path(folder))


if __name__ == "__main__":
    main()
