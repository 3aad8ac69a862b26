"""baresip with DTLS-SRTP to a plain baresip and back: without ICE, with ICE and RTCP on a port of its own (two
components, each with a handshake), and with RTCP on the port of RTP. The tone is measured both ways each time."""

from scenarios._operator import Operator
from scenarios._talk import REGISTERED
from tandem.baresip import Phone
from tandem.daemon import Daemon
from tandem.hearing import assert_hears
from time import sleep

# Name, what its account says, what its settings say.
CALLS = [
    ("without ICE", "", ""),
    ("without ICE, one port", "", "rtcp_mux yes\n"),
    ("with ICE", ";medianat=ice", ""),
    ("with ICE, one port", ";medianat=ice", "rtcp_mux yes\n"),
]


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    try:
        operator = Operator(daemon)
        daemon.create("route", group=operator.group, prefix="1", target={"to": "local_device"})
        levels = [one(daemon, operator, folder, number, *call) for number, call in enumerate(CALLS)]
        daemon.stop()
        daemon.verify()
        return f"{len(CALLS)} calls, the quietest tone at {min(levels):.2f} dB of all that was heard"
    finally:
        daemon.stop()


def one(daemon, operator, folder, number, name, account, more):
    users = [f"10{number}1", f"10{number}2"]
    for user in users:
        owner = operator.account(f"user{user}", 1_000_000)
        daemon.create("device", account=owner, username=user, password=f"secret-{user}")
    phones = []
    try:
        alice = Phone(
            folder, users[0], f"secret-{users[0]}", daemon.sip, 440, "manual", modules=["srtp.so", "dtls_srtp.so", "ice.so"],
            account=f";mediaenc=dtls_srtp{account}", more=more,
        )
        phones.append(alice)
        bob = Phone(folder, users[1], f"secret-{users[1]}", daemon.sip, 1000)
        phones.append(bob)
        for phone in phones:
            phone.wait_for(REGISTERED)
        alice.dial(users[1])
        alice.wait_for("Call established")
        # The talk itself: what is said in it is measured below.
        sleep(6)
        alice.hang_up()
        bob.wait_for("terminated|Call with .* closed|session closed")
        for phone in phones:
            phone.stop()
        return min(assert_hears(alice.heard(), 1000, 440), assert_hears(bob.heard(), 440, 1000))
    except (AssertionError, ValueError) as error:
        lines = [line for line in alice.text().replace("\r", "\n").splitlines() if line.strip() and "bit/s" not in line]
        raise AssertionError(f"{name}: {error}\n" + "\n".join(lines[-30:])) from error
    finally:
        for phone in phones:
            phone.stop()
