"""A gateway that is dead is left for the next one; the price is that of the one that answered."""

from scenarios._operator import Operator
from tandem.daemon import Daemon
from tandem.sipp import Sipp, free_port

CALLS = 5


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    terminator = Sipp(folder, "terminator", "terminator")
    try:
        operator = Operator(daemon)
        dead = operator.gateway("dead", free_port(), priority=1, no_response_s=1)
        alive = operator.gateway("alive", terminator.port, priority=2)
        account = operator.account("wholesale", 10_000_000)
        operator.source(account)
        caller = Sipp(
            folder, "caller", "caller", "-m", CALLS, "-r", 5, "-d", 1200, "-s", "9000001", "-timeout", 60,
            remote=daemon.sip,
        ).wait(90)
        assert caller.counts() == (CALLS, 0), caller.errors()
        cdrs = daemon.rows("cdr.list")
        assert len(cdrs) == CALLS and all(cdr["gateway"] == alive for cdr in cdrs), cdrs
        detail = daemon.rpc_call("cdr.get", {"id": cdrs[0]["call"]})
        assert detail["cost"]["gateway"] == alive, detail
        tried = [step["target"] for step in detail["trace"] if step["step"] == "tried"]
        assert tried == ["dead", "alive"], (tried, dead)
        daemon.stop()
        daemon.verify()
        return f"{CALLS} calls past a dead gateway"
    finally:
        terminator.stop()
        daemon.stop()
