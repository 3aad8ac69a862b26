"""Killed under 50 calls a second, 20 times: after each restart the books are right, no answered call is without a
CDR and none is charged twice."""

from random import Random
from scenarios._operator import Operator
from tandem.daemon import Daemon
from tandem.sipp import Sipp
from time import sleep

ROUNDS, RATE = 20, 50


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    random, recovered = Random(20), 0
    operator = Operator(daemon)
    terminator = Sipp(folder, "terminator", "terminator", "-mp", 30000, "-l", 6000)
    try:
        operator.gateway("terminator", terminator.port)
        account = operator.account("wholesale", 1_000_000_000)
        operator.source(account)
        for turn in range(ROUNDS):
            caller = Sipp(
                folder, f"caller-{turn}", "caller", "-m", 1000, "-r", RATE, "-d", 800, "-s", f"9{turn:02}0001", "-mp",
                20000, "-timeout", 30, remote=daemon.sip,
            )
            # Any moment will do: calls are being set up, up, and ending at all times.
            sleep(1.0 + random.random())
            daemon.kill()
            caller.stop()
            answered_here = caller.counts()[0]
            daemon.start()
            daemon.verify()
            cdrs = daemon.rows("cdr.list", filter=[{"field": "dialled", "op": "starts_with", "value": f"9{turn:02}"}])
            answered = [cdr for cdr in cdrs if cdr["times"]["answered_at"] is not None]
            assert len(answered) >= answered_here, f"round {turn}: {answered_here} calls done, {len(answered)} CDRs"
            recovered += sum(cdr["cause"] == "switch.crash" for cdr in answered)
        entries = [entry for entry in daemon.rows("ledger.list") if entry["kind"] == "call_charge"]
        calls = [entry["call"] for entry in entries]
        assert len(calls) == len(set(calls)), "a call was charged twice"
        assert recovered > 0, "no call was open at any of the crashes"
        left = daemon.balance(account)
        assert left["held"] == 0 and left["balance"] == 1_000_000_000 + sum(entry["amount"] for entry in entries), left
        daemon.stop()
        daemon.verify()
        return f"{ROUNDS} crashes, {len(entries)} calls charged, each once; {recovered} answered ones closed by a restart, at the last second known"
    finally:
        terminator.stop()
        daemon.stop()
