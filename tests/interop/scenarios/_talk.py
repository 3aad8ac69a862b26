"""Two baresip phones of an operator's own customers, who talk and are heard."""

import re
from scenarios._operator import Operator
from tandem.baresip import Phone
from tandem.daemon import Daemon, eventually
from tandem.hearing import assert_hears
from time import sleep

# G.711, as baresip counts it.
FULL = 64_000
UDP = ("udp", "127.0.0.1")
REGISTERED = r"200 OK|registered successfully|\{\d+/\S+\}"


class Pair:
    """Alice (1001, 440 Hz) and Bob (1002, 1,000 Hz), each over (transport, address), registered."""

    def __init__(self, binary, folder, alice, bob, more=(), rtp=(10000, 18999), **account):
        self.daemon = Daemon(binary, folder, rtp=rtp, more=more).start()
        self.phones = []
        operator = Operator(self.daemon)
        self.daemon.create("route", group=operator.group, prefix="1", target={"to": "local_device"})
        for (name, way, hertz, answer) in [("1001", alice, 440, "manual"), ("1002", bob, 1000, "auto")]:
            owner = operator.account(f"owner-{name}", 1_000_000, **account)
            self.daemon.create("device", account=owner, username=name, password=f"{name}-secret")
            self.phones.append(
                Phone(folder, name, f"{name}-secret", self.daemon.at(*way), hertz, answer, transport=way[0])
            )
        self.alice, self.bob = self.phones
        for phone in self.phones:
            phone.wait_for(REGISTERED)
        eventually(lambda: len(self.daemon.rows("registration.list")) == 2, "both are registered")

    def call(self):
        self.alice.dial("1002")
        self.alice.wait_for("Call established|established")

    def talk(self, seconds):
        """What is said in it is measured afterwards."""
        sleep(seconds)

    def live(self):
        [call] = self.daemon.rpc_call("live.snapshot")["calls"]
        return call

    def rates(self):
        """Bits a second that each phone says it sends and takes, the lower of the two."""
        last = [re.findall(r"audio=(\d+)/(\d+) \(bit/s\)", phone.text()) for phone in self.phones]
        return [min(map(int, found[-1])) if found else 0 for found in last]

    def hold_and_resume(self):
        """Talks long enough to be measured, then holds: less than half of the packets; then resumes: all of them."""
        self.talk(4)
        self.alice.command("hold")
        eventually(lambda: max(self.rates()) < FULL // 2, f"on hold: {self.rates()}")
        self.alice.command("resume")
        eventually(lambda: min(self.rates()) > FULL * 9 // 10, f"talking again: {self.rates()}")

    def hang_up(self):
        """Ends the call and both phones; returns the CDR in detail."""
        self.alice.hang_up()
        self.bob.wait_for("terminated|Call with .* closed|session closed")
        for phone in self.phones:
            phone.stop()
        eventually(lambda: self.daemon.rows("cdr.list"), "a CDR")
        [cdr] = self.daemon.rows("cdr.list")
        assert cdr["cause"] == "answered.caller_hangup", cdr
        assert cdr["money"]["charge"] == cdr["money"]["billed_secs"] * 1_000 > 0, cdr
        return self.daemon.rpc_call("cdr.get", {"id": cdr["call"]})

    def hear(self):
        """Each hears the other's tone and nothing else; how purely, in dB."""
        return assert_hears(self.alice.heard(), 1000, 440), assert_hears(self.bob.heard(), 440, 1000)

    def stop(self):
        for phone in self.phones:
            phone.stop()
        self.daemon.stop()


def talk_once(binary, folder, alice, bob, more=()):
    """A call over these ways: heard both ways, billed, books right."""
    pair = Pair(binary, folder, alice, bob, more)
    try:
        pair.call()
        pair.talk(5)
        detail = pair.hang_up()
        assert all(detail["media"][side]["packets"] > 150 for side in "ab"), detail["media"]
        first, second = pair.hear()
        pair.daemon.stop()
        pair.daemon.verify()
        return f"tones at {first:.2f} and {second:.2f} dB of all that was heard"
    finally:
        pair.stop()
