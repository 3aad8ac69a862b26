"""A prepaid caller is cut off within a second of the last paid one, never later; and never below zero."""

from scenarios._operator import Operator
from tandem.daemon import Daemon
from tandem.sipp import Sipp

SECONDS = 7


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    terminator = Sipp(folder, "terminator", "terminator")
    try:
        operator = Operator(daemon)
        operator.gateway("terminator", terminator.port)
        # 1,000 micro-units a second: seven seconds and a bit that pays for no eighth.
        account = operator.account("prepaid", SECONDS * 1_000 + 999)
        operator.source(account)
        caller = Sipp(
            folder, "caller", "patient", "-m", 1, "-s", "9000001", "-timeout", 40, remote=daemon.sip
        ).wait(60)
        assert caller.counts() == (1, 0), caller.errors()
        [cdr] = daemon.rows("cdr.list")
        assert cdr["cause"] == "answered.out_of_money", cdr
        talked = cdr["times"]["duration_ms"]
        assert (SECONDS - 1) * 1_000 < talked <= SECONDS * 1_000, cdr
        assert cdr["money"]["charge"] == SECONDS * 1_000, cdr
        left = daemon.balance(account)
        assert left["balance"] == 999 and left["held"] == 0, left
        daemon.stop()
        daemon.verify()
        return f"cut off after {talked} ms of {SECONDS} paid seconds"
    finally:
        terminator.stop()
        daemon.stop()
