"""Two baresip phones, registered with digest, call each other through the relay and hear each other's tone."""

from scenarios._operator import Operator
from tandem.baresip import Phone
from tandem.daemon import Daemon
from tandem.hearing import assert_hears
from time import sleep


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    phones = []
    try:
        operator = Operator(daemon)
        daemon.create("route", group=operator.group, prefix="1", target={"to": "local_device"})
        for login in ["alice", "bob"]:
            account = operator.account(login, 1_000_000)
            number = "1001" if login == "alice" else "1002"
            daemon.create("device", account=account, username=number, password=f"{login}-secret")
        alice = Phone(folder, "1001", "alice-secret", daemon.sip, 440, answer="manual")
        bob = Phone(folder, "1002", "bob-secret", daemon.sip, 1000)
        phones = [alice, bob]
        for phone in phones:
            phone.wait_for(r"200 OK|registered successfully|\{\d+/UDP/v4\}")
        assert len(daemon.rows("registration.list")) == 2
        alice.dial("1002")
        alice.wait_for("Call established|established")
        # The talk itself: what is said in it is measured below.
        sleep(6)
        live = daemon.rpc_call("live.snapshot")
        assert len(live["calls"]) == 1, live
        alice.hang_up()
        bob.wait_for("terminated|Call with .* closed|session closed")
        for phone in phones:
            phone.stop()
        first = assert_hears(alice.heard(), 1000, 440)
        second = assert_hears(bob.heard(), 440, 1000)
        [cdr] = daemon.rows("cdr.list")
        assert cdr["cause"] == "answered.caller_hangup" and cdr["money"]["charge"] == cdr["money"]["billed_secs"] * 1_000, cdr
        daemon.stop()
        daemon.verify()
        return f"tones at {first:.2f} and {second:.2f} dB of all that was heard"
    finally:
        for phone in phones:
            phone.stop()
        daemon.stop()
