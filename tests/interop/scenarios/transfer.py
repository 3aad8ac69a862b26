"""Three baresip phones: the called side transfers its caller, then a caller its called side; the new pair hear each
other, who transfers pays the new leg, and what becomes of each call is in the books."""

from pathlib import Path
from scenarios._operator import Operator
from scenarios._talk import REGISTERED
from tandem.baresip import Phone
from tandem.daemon import Daemon, eventually
from tandem.hearing import assert_hears
from time import sleep

TONES = {"1001": 440, "1002": 1000, "1003": 700}


class Three:
    """Alice (1001), Bob (1002) and Carol (1003), each with an account of its own."""

    def __init__(self, binary, folder):
        self.daemon = Daemon(binary, folder).start()
        self.phones = []
        operator = Operator(self.daemon)
        self.daemon.create("route", group=operator.group, prefix="1", target={"to": "local_device"})
        self.owners = {}
        for name, hertz in TONES.items():
            owner = self.owners[name] = operator.account(f"owner-{name}", 1_000_000)
            self.daemon.create("device", account=owner, username=name, password=f"{name}-secret")
            answer = "manual" if name == "1001" else "auto"
            self.phones.append(Phone(folder, name, f"{name}-secret", self.daemon.sip, hertz, answer))
        self.alice, self.bob, self.carol = self.phones
        for phone in self.phones:
            phone.wait_for(REGISTERED)
        eventually(lambda: len(self.daemon.rows("registration.list")) == 3, "all are registered")

    def live(self):
        return self.daemon.rpc_call("live.snapshot")["calls"]

    def stop(self):
        for phone in self.phones:
            phone.stop()
        self.daemon.stop()


def transfer(binary, folder, by, payers):
    """Alice calls Bob; one of them sends the other one to Carol."""
    three = Three(binary, folder)
    try:
        three.alice.dial("1002")
        three.alice.wait_for("Call established|established")
        goes, stays = (three.bob, three.alice) if by == "1002" else (three.alice, three.bob)
        # Each talk is measured below by what was heard in its middle.
        sleep(2)
        goes.command("transfer", "1003")
        three.carol.wait_for("Call established|established")
        goes.wait_for("terminated|Call with .* closed|session closed")
        sleep(9)
        calls = three.live()
        assert len(calls) == 2 and {c["state"] for c in calls} == {"answered"}, calls
        stays.hang_up()
        three.carol.wait_for("terminated|Call with .* closed|session closed")
        for phone in three.phones:
            phone.stop()
        eventually(lambda: len(three.daemon.rows("cdr.list")) == 2, "both CDRs")
        cdrs = sorted(three.daemon.rows("cdr.list"), key=lambda cdr: cdr["call"])
        for cdr, payer in zip(cdrs, payers):
            assert cdr["account"] == three.owners[payer], cdr
            assert cdr["cause"] == "answered.caller_hangup", cdr
            assert cdr["money"]["charge"] == cdr["money"]["billed_secs"] * 1_000 > 0, cdr
            steps = three.daemon.rpc_call("cdr.get", {"id": cdr["call"]})["trace"]
            joined = [step for step in steps if step["step"] == "transferred" and step["outcome"] == "joined"]
            assert len(joined) == 1 and cdr["transfer_call"] == joined[0]["call"], (cdr, steps)
        first, second = (cdr["money"]["billed_secs"] for cdr in cdrs)
        assert first > second >= 9, (first, second)
        left, here = TONES[by], TONES[stays.user]
        level = assert_hears(stays.heard(), 700, left), assert_hears(three.carol.heard(), here, left)
        three.daemon.stop()
        three.daemon.verify()
        return f"by {by}: {first} s and {second} s, tones at {level[0]:.2f} and {level[1]:.2f} dB"
    finally:
        three.stop()


def run(binary, folder):
    figures = []
    for by, payers in [("1002", ("1001", "1002")), ("1001", ("1001", "1001"))]:
        place = Path(folder) / by
        place.mkdir()
        figures.append(transfer(binary, place, by, payers))
    return "; ".join(figures)
