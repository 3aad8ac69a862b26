"""Each measure: our daemon and the baseline in turn, one line a figure."""

import os
import time

from load import Load, cpu_s, rss_kib, threads_cpu
from phones import Phones
from servers import SECRET, USER, Baseline, Ports, Tandem

DIGEST = {"user": USER, "pass": SECRET}


def fresh(folder, name):
    made = folder / name
    made.mkdir()
    return made


def line(server, what, load, *figures):
    shown = " ".join(f"{name} {value}" for name, value in figures)
    print(f"{what:<24} {server.name:<20} failed {load.failed} retrans {load.retransmissions} {shown}", flush=True)
    if load.failed:
        print(load.text, flush=True)


def per_call(load):
    user, system = load.split()
    return ("cpu_ms", f"{load.figure('cpu_ms_per_call'):.4f}"), ("user", f"{user:.3f}"), ("sys", f"{system:.3f}"), (
        "p50_ms", load.one("p50")), ("p99_ms", load.one("p99"))


def calls(binary, folder, tools):
    """CPU-ms a call: ours with digest, hold and CDR; the proxy with nothing."""
    ports = Ports()
    ours, proxy = Tandem(binary, fresh(folder, "ours"), ports), Baseline(fresh(folder, "proxy"), ports)
    try:
        for rate, count in [(25, 250), (100, 1000), (500, 5000), (1000, 10000), (1500, 15000), (3000, 30000)]:
            for turn in range(2):
                for server, options in [(ours, DIGEST), (proxy, {})]:
                    before = threads_cpu(server.pids) if server is ours else {}
                    load = Load(tools, ports, server, rate=rate, calls=count, **options)
                    line(server, f"{rate}/s turn {turn + 1}", load, *per_call(load))
                    if before:
                        after = threads_cpu(server.pids)
                        parts = {name: (after[name] - before.get(name, 0)) * 1000 / count for name in after}
                        print("   by thread, ms a call:", {k: round(v, 4) for k, v in parts.items() if v > 0.0005}, flush=True)
    finally:
        proxy.stop()
        print(ours.stop())


def setup(binary, folder, tools):
    """Set-up time with digest and the hold durable, less that of the proxy."""
    ports = Ports()
    ours, proxy = Tandem(binary, fresh(folder, "ours"), ports), Baseline(fresh(folder, "proxy"), ports)
    try:
        for rate in [50, 300, 700]:
            for server, options in [(ours, {}), (proxy, {}), (ours, DIGEST)]:
                load = Load(tools, ports, server, rate=rate, calls=rate * 8, ring=100, **options)
                line(server, f"{rate}/s, rings 100 ms", load, *per_call(load))
                load = Load(tools, ports, server, rate=rate, calls=rate * 8, **options)
                line(server, f"{rate}/s, answers at once", load, *per_call(load))
    finally:
        proxy.stop()
        ours.stop()


def top(binary, folder, tools):
    """The rates that stay clean."""
    ports = Ports()
    ours, proxy = Tandem(binary, fresh(folder, "ours"), ports), Baseline(fresh(folder, "proxy"), ports)
    try:
        for rate in [1500, 2000, 3000, 4000, 5000]:
            for server, options in [(ours, DIGEST), (proxy, {})]:
                load = Load(tools, ports, server, rate=rate, calls=rate * 8, **options)
                line(server, f"{rate}/s", load, ("cps", load.one("cps")), ("cores", load.figure("cores")), *per_call(load))
    finally:
        proxy.stop()
        ours.stop()


def hold(binary, folder, tools):
    """Open calls without audio."""
    for make in [lambda f, p: Tandem(binary, f, p), Baseline]:
        ports = Ports()
        server = make(fresh(folder, f"hold{time.monotonic_ns()}"), ports)
        try:
            Load(tools, ports, server, rate=200, calls=50)
            load = Load(tools, ports, server, rate=500, calls=5000, hold=40000)
            line(server, "5,000 open", load, ("kib_each", load.figure("rss_kib_per_call")), *per_call(load))
        finally:
            server.stop()


def open_cpu(binary, folder, tools):
    """CPU of 2,000 open calls while nothing happens, beside that of an idle switch."""
    import threading

    ports = Ports()
    server = Tandem(binary, fresh(folder, "ours"), ports)
    try:
        pid = server.pids
        time.sleep(2)
        began = cpu_s(pid)
        time.sleep(10)
        idle = (cpu_s(pid) - began) / 10
        load = threading.Thread(target=lambda: Load(tools, ports, server, rate=500, calls=2000, hold=30000))
        load.start()
        # All calls are up after 4 s; none ends before 30 s.
        time.sleep(12)
        began = cpu_s(pid)
        time.sleep(15)
        print(f"idle {idle * 100:.2f} % of a core; 2,000 open calls {(cpu_s(pid) - began) / 15 * 100:.2f} %", flush=True)
        load.join()
    finally:
        server.stop()


def memory(binary, folder, tools):
    """Back to where it was after 10,000 calls."""
    ports = Ports()
    server = Tandem(binary, fresh(folder, "ours"), ports)
    try:
        print(f"idle {rss_kib(server.pids)} KiB")
        for turn in range(3):
            load = Load(tools, ports, server, rate=500, calls=10000, hold=4000)
            up = load.figure("rss_kib_per_call")
            at_once = rss_kib(server.pids)
            # Transactions rest for up to 32 s after a call.
            time.sleep(45)
            print(f"turn {turn + 1}: failed {load.failed}, {up} KiB each open, {at_once} KiB at the end, {rss_kib(server.pids)} KiB after a rest", flush=True)
    finally:
        server.stop()


def media(binary, folder, tools):
    """CPU-us a packet, delay, loss."""
    import subprocess

    print(subprocess.run([f"{tools}/floor", "udp"], capture_output=True, text=True).stdout)
    ports = Ports()
    for count in [int(n) for n in os.environ.get("TANDEM_MEDIA_CALLS", "100,200,400,800,1000,1200").split(",")]:
        for make in [lambda f, p: Tandem(binary, f, p), lambda f, p: Baseline(f, p, media=2)]:
            server = make(fresh(folder, f"media{time.monotonic_ns()}"), ports)
            try:
                load = Load(tools, ports, server, rtp=None, calls=count, rate=min(100, count / 4), measure=10)
                packet = load.text.splitlines()
                print(f"{count} calls {server.name}", flush=True)
                print("\n".join("   " + row for row in packet), flush=True)
            finally:
                server.stop()


def start(binary, folder, tools):
    """From the process's start to the first answered REGISTER, with 10,000 accounts and 100,000 rates; then all of
    the phones register."""
    import subprocess

    server = Tandem(binary, fresh(folder, "ours"), Ports())
    server.stop()
    subprocess.run([os.environ["TANDEM_FILL"], f"{server.daemon.data}/tandem.sqlite", "10000", "100000", SECRET], check=True)
    for turn in range(3):
        began = time.monotonic()
        server.daemon.start()
        ready = time.monotonic() - began
        first = Phones(server.address, SECRET, 1).register(1000)
        print(f"ready after {ready:.3f} s, first REGISTER after {time.monotonic() - began:.3f} s: {first}", flush=True)
        if turn < 2:
            server.daemon.stop()
    for rate in [1000, 2000, 3000]:
        before, used = rss_kib(server.pids), cpu_s(server.pids)
        figures = Phones(server.address, SECRET, 10000).register(rate)
        used = (cpu_s(server.pids) - used) * 1e6 / 10000
        print(f"{rate}/s: {figures}, {used:.0f} us each, {rss_kib(server.pids) - before} KiB more", flush=True)
    time.sleep(40)
    print(f"{rss_kib(server.pids)} KiB after a rest", flush=True)
    print(server.stop())


def flood(binary, folder, tools):
    """2,000 INVITEs a second from one source, unknown and then over its calls a second, while another's calls go on."""
    import threading

    ports = Ports()
    server = Tandem(binary, fresh(folder, "ours"), ports)
    try:
        for name, caller in [("nobody", None), ("unknown", ports.unknown), ("capped", ports.capped)]:
            loads = {}

            def flooded():
                loads["flood"] = Load(tools, ports, server, rate=2000, calls=20000, caller=caller, callee=ports.nowhere)

            other = threading.Thread(target=flooded)
            if caller:
                other.start()
            load = Load(tools, ports, server, rate=20, calls=200, hold=1000, **DIGEST)
            line(server, f"flood by {name}", load, *per_call(load))
            if caller:
                other.join()
                print("   flood:", " ".join(loads["flood"].text.splitlines()[:1] + loads["flood"].text.splitlines()[-1:]), flush=True)
    finally:
        print(server.stop())


MEASURES = {
    "calls": calls, "setup": setup, "top": top, "hold": hold, "open_cpu": open_cpu, "memory": memory, "media": media,
    "start": start, "flood": flood,
}
