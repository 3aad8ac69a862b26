"""Fifty calls at once on a balance for three first blocks: three admitted, the balance never below zero."""

from scenarios._operator import Operator
from tandem.daemon import Daemon, eventually
from tandem.sipp import Sipp

CALLS, PAID_FOR = 50, 3


def attempts(daemon, cause):
    return sum(cdr["attempts"] for cdr in daemon.rows("cdr.list") if cdr["cause"] == cause)


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    terminator = Sipp(folder, "terminator", "terminator")
    try:
        operator = Operator(daemon, initial=60, increment=60)
        operator.gateway("terminator", terminator.port)
        account = operator.account("rush", PAID_FOR * 60_000)
        operator.source(account)
        caller = Sipp(
            folder, "caller", "caller", "-m", CALLS, "-r", CALLS, "-rp", 100, "-d", 2000, "-s", "9000001",
            "-timeout", 40, remote=daemon.sip,
        ).wait(60)
        good, bad = caller.counts()
        assert (good, bad) == (PAID_FOR, CALLS - PAID_FOR), f"{good} good, {bad} refused\n{caller.errors()}"
        # Refusals beyond the first twenty are gathered: a CDR of the next ten seconds counts them.
        eventually(lambda: attempts(daemon, "refused.no_money") == CALLS - PAID_FOR, "every refusal counted")
        assert attempts(daemon, "answered.caller_hangup") == PAID_FOR
        left = daemon.balance(account)
        assert left == {"account": account, "balance": 0, "held": 0}, left
        assert all(entry["balance_after"] >= 0 for entry in daemon.rows("ledger.list"))
        daemon.stop()
        daemon.verify()
        return f"{good} admitted, {bad} refused"
    finally:
        terminator.stop()
        daemon.stop()
