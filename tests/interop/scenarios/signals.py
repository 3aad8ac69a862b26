"""HUP reloads what can be reloaded and drops nobody; TERM drains; a second TERM ends the calls at once, billed."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from scenarios._operator import Operator
from tandem.daemon import Daemon, eventually
from tandem.sipp import Sipp

CALLS = 3


def certificate(binary, folder, sip):
    """A certificate and key of another installation, put in the place of the one in use; its fingerprint."""
    other = Daemon(binary, folder).start()
    shown = other.fingerprint
    other.stop()
    for name in ["rpc.cert.pem", "rpc.key.pem"]:
        shutil.copy(other.data / name, sip.data / name)
    return shown


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    (Path(folder) / "other").mkdir()
    terminator = Sipp(folder, "terminator", "terminator")
    log = Path(folder) / "switch.log"
    callers = []

    def call(name, calls=1):
        callers.append(
            Sipp(folder, name, "patient", "-m", calls, "-r", 10, "-s", "9000001", "-timeout", 40, remote=daemon.sip)
        )
        return callers[-1]

    def up():
        return sum(row["state"] == "answered" for row in daemon.rpc_call("live.snapshot")["calls"])

    try:
        operator = Operator(daemon)
        operator.gateway("terminator", terminator.port)
        operator.source(operator.account("wholesale", 1_000_000_000))
        talking = call("talking", CALLS)
        eventually(lambda: up() == CALLS, "calls are up")

        # A faulty file changes nothing; a good one is taken over as far as it can be, the rest is named.
        good = daemon.config.read_text()
        daemon.config.write_text(good + "\n[log]\nfliter = 1\n")
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: "fliter" in log.read_text(), "the fault is logged")
        before = daemon.fingerprint
        pin = certificate(binary, Path(folder) / "other", daemon)
        changed = good.replace("drain_s = 2", f"drain_s = 600\nmax_calls = {CALLS}\n[log]\nfilter = \"debug\"")
        changed = changed.replace(daemon.at("tcp"), "127.0.0.1:1")
        daemon.config.write_text(changed)
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: re.search(r"reload: in force now.*log.filter", log.read_text()), "the file is taken over")
        text = log.read_text()
        assert re.search(r"in force after a restart.*listen\[1\].address", text), text[-2000:]
        assert re.search(r"in force now.*limits.max_calls", text), text[-2000:]
        eventually(lambda: "another certificate from now on" in log.read_text(), "the certificate is taken over")
        assert before != pin and daemon.rpc_call("live.snapshot", pin=pin)["calls"], "no call after the reload"
        refused = daemon.run_rpc("live.snapshot", {}, "--pin", before)
        assert refused.returncode == 3 and pin in refused.stderr, refused
        assert up() == CALLS, "a reload dropped a call"
        eventually(lambda: "DEBUG" in log.read_text(), "the log says more")
        call("too-many").wait(30)
        assert callers[-1].counts() == (0, 1), f"the limit is not in force: {callers[-1].counts()} {callers[-1].errors()}"

        # TERM: no new calls, those that are up go on; the second one ends them.
        daemon.process.send_signal(signal.SIGTERM)
        eventually(lambda: "no new calls" in log.read_text(), "it drains")
        call("too-late").wait(30)
        assert callers[-1].counts() == (0, 1) and daemon.process.poll() is None
        assert up() == CALLS, "draining dropped a call"
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(timeout=20) == 0
        talking.wait(20)
        assert talking.counts() == (CALLS, 0), talking.errors()
        daemon.verify()
        daemon.config.write_text(good)
        daemon.start()
        cdrs = [cdr for cdr in daemon.rows("cdr.list") if cdr["times"]["answered_at"] is not None]
        assert [cdr["cause"] for cdr in cdrs] == ["switch.shutdown"] * CALLS, cdrs
        for cdr in cdrs:
            assert cdr["money"]["charge"] == cdr["money"]["billed_secs"] * 1_000 > 0, cdr
        daemon.stop()
        daemon.verify()
        return f"{CALLS} calls through two reloads and a drain, ended by the second TERM and billed"
    finally:
        for caller in callers:
            caller.stop()
        terminator.stop()
        daemon.stop()
