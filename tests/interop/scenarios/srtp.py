"""baresip with SRTP and its keys in the description (SDES) to a plain baresip and back, then protected on both sides
with keys of their own. The tone is measured both ways each time; a phone set to `srtp-mand` plays no packet that
does not bear its keys."""

from scenarios._operator import Operator
from tandem.baresip import Phone
from tandem.daemon import Daemon
from tandem.hearing import assert_hears
from time import sleep

SDES = {"modules": ["srtp.so"], "account": ";mediaenc=srtp-mand"}
MAYBE = {"modules": ["srtp.so"], "account": ";mediaenc=srtp"}

# Name, the caller, what its account says of keys, the called phone, what its account says.
CALLS = [
    ("keys to plain", SDES, "accepted", {}, "accepted"),
    ("plain to keys", {}, "accepted", SDES, "required"),
    ("keys on both sides", SDES, "required", MAYBE, "offered"),
    ("offered keys, not taken", MAYBE, "accepted", {}, "offered"),
]


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    try:
        operator = Operator(daemon)
        daemon.create("route", group=operator.group, prefix="1", target={"to": "local_device"})
        daemon.rpc_call("setting.set", {"key": "srtp_keys_in_clear", "value": True})
        levels = [
            one(daemon, operator, folder, number, *call) for number, call in enumerate(CALLS)
        ]
        daemon.stop()
        daemon.verify()
        return f"{len(CALLS)} calls, the quietest tone at {min(levels):.2f} dB of all that was heard"
    finally:
        daemon.stop()


def one(daemon, operator, folder, number, name, caller, caller_srtp, called, called_srtp):
    users = [f"10{number}1", f"10{number}2"]
    for user, srtp in zip(users, [caller_srtp, called_srtp]):
        account = operator.account(f"user{user}", 1_000_000, srtp=srtp)
        daemon.create("device", account=account, username=user, password=f"secret-{user}")
    phones = []
    try:
        alice = Phone(folder, users[0], f"secret-{users[0]}", daemon.sip, 440, answer="manual", **caller)
        phones.append(alice)
        bob = Phone(folder, users[1], f"secret-{users[1]}", daemon.sip, 1000, **called)
        phones.append(bob)
        for phone in phones:
            assert "mediaenc not found" not in phone.text(), phone.text()
            phone.wait_for(r"200 OK|registered successfully|\{\d+/UDP/v4\}")
        alice.dial(users[1])
        alice.wait_for("Call established")
        # The talk itself: what is said in it is measured below.
        sleep(5)
        alice.hang_up()
        bob.wait_for("terminated|Call with .* closed|session closed")
        for phone in phones:
            phone.stop()
        return min(assert_hears(alice.heard(), 1000, 440), assert_hears(bob.heard(), 440, 1000))
    except AssertionError as error:
        raise AssertionError(f"{name}: {error}") from error
    finally:
        for phone in phones:
            phone.stop()
