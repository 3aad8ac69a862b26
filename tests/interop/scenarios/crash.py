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
    random, recovered, lost, seen = Random(20), 0, 0, 0
    operator = Operator(daemon)
    terminator = Sipp(folder, "terminator", "terminator", "-l", 6000)
    try:
        operator.gateway("terminator", terminator.port)
        account = operator.account("wholesale", 1_000_000_000)
        operator.source(account)
        for turn in range(ROUNDS):
            caller = Sipp(
                folder, f"caller-{turn}", "caller", "-m", 1000, "-r", RATE, "-d", 800, "-s", f"9{turn:02}0001", "-timeout", 30, "-trace_msg", "-message_file", Sipp.messages(folder, f"caller-{turn}"), remote=daemon.sip,
            )
            # Any moment will do: calls are being set up, up, and ending at all times.
            sleep(1.0 + random.random())
            daemon.kill()
            caller.stop()
            told = caller.answered()
            daemon.start()
            daemon.verify()
            cdrs = daemon.rows("cdr.list", filter=[{"field": "dialled", "op": "starts_with", "value": f"9{turn:02}"}])
            answered = [cdr for cdr in cdrs if cdr["times"]["answered_at"] is not None]
            # Exact: every call whose caller saw the 200, by its Call-ID, is an answered one in the books.
            booked = {cdr["numbers"]["a_call_id"] for cdr in answered}
            lost += len(told - booked)
            seen += len(told)
            recovered += sum(cdr["cause"] == "switch.crash" for cdr in answered)
        entries = [entry for entry in daemon.rows("ledger.list") if entry["kind"] == "call_charge"]
        calls = [entry["call"] for entry in entries]
        assert len(calls) == len(set(calls)), "a call was charged twice"
        assert lost == 0, f"{lost} of {seen} calls whose caller was told 200 are not answered in the books"
        assert seen > ROUNDS * RATE // 2, f"only {seen} answers were seen: the check would prove nothing"
        assert recovered > 0, "no call was open at any of the crashes"
        left = daemon.balance(account)
        assert left["held"] == 0 and left["balance"] == 1_000_000_000 + sum(entry["amount"] for entry in entries), left
        daemon.stop()
        daemon.verify()
        return f"{ROUNDS} crashes, {seen} callers told 200 and none missing, {len(entries)} calls charged, each once; {recovered} answered ones closed by a restart, at the last second known"
    finally:
        terminator.stop()
        daemon.stop()
