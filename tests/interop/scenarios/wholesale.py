"""SIPp calls by address: 10 a second for 30 s, none failed, every CDR and ledger entry right."""

from scenarios._operator import Operator
from tandem.daemon import Daemon
from tandem.sipp import Sipp

CALLS, RATE, TALK_MS = 300, 10, 1500


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    terminator = Sipp(folder, "terminator", "terminator")
    try:
        operator = Operator(daemon, connect_fee="0.01")
        operator.gateway("terminator", terminator.port)
        account = operator.account("wholesale", 100_000_000)
        operator.source(account)
        caller = Sipp(
            folder, "caller", "caller", "-m", CALLS, "-r", RATE, "-d", TALK_MS, "-s", "9000001",
            "-timeout", 90, remote=daemon.sip,
        ).wait(120)
        good, bad = caller.counts()
        assert (good, bad) == (CALLS, 0), f"{good} good, {bad} failed\n{caller.errors()}"
        cdrs = daemon.rows("cdr.list")
        assert len(cdrs) == CALLS, f"{len(cdrs)} CDRs"
        charged = 0
        for cdr in cdrs:
            assert cdr["cause"] == "answered.caller_hangup", cdr
            # 0.06 a minute by the second, plus the fee: 1,000 micro-units a second and 10,000.
            assert cdr["money"]["charge"] == cdr["money"]["billed_secs"] * 1_000 + 10_000, cdr
            assert cdr["money"]["billed_secs"] == 2, cdr
            charged += cdr["money"]["charge"]
        entries = [entry for entry in daemon.rows("ledger.list") if entry["kind"] == "call_charge"]
        assert len(entries) == CALLS and -sum(entry["amount"] for entry in entries) == charged
        left = daemon.balance(account)
        assert left["balance"] == 100_000_000 - charged and left["held"] == 0, left
        daemon.stop()
        daemon.verify()
        return f"{good} calls, {charged / 1e6:.2f} EUR charged"
    finally:
        terminator.stop()
        daemon.stop()
