"""A customer's and a carrier's switch over TCP: one connection each, all calls answered and billed."""

import socket
from scenarios._operator import Operator
from tandem.daemon import Daemon
from tandem.sipp import Sipp

CALLS = 30


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    terminator = Sipp(folder, "terminator", "terminator", "-mp", 30000, "-t", "t1", kind=socket.SOCK_STREAM)
    try:
        operator = Operator(daemon)
        carrier = operator.gateway("carrier", terminator.port, transport="tcp")
        account = operator.account("wholesale", 10_000_000)
        operator.source(account)
        caller = Sipp(
            folder, "caller", "caller", "-m", CALLS, "-r", 10, "-d", 1200, "-s", "9000001", "-mp", 20000, "-timeout", 60,
            "-t", "t1", remote=daemon.at("tcp"), kind=socket.SOCK_STREAM,
        ).wait(90)
        assert caller.counts() == (CALLS, 0), caller.errors()
        cdrs = daemon.rows("cdr.list")
        assert len(cdrs) == CALLS and all(cdr["gateway"] == carrier for cdr in cdrs), cdrs
        daemon.stop()
        daemon.verify()
        return f"{CALLS} calls in and out over TCP"
    finally:
        terminator.stop()
        daemon.stop()
