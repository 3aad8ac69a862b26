"""Digits between phones that send them in different ways: as events (RFC 4733), by SIP INFO, as tones in the audio.
Each of the three to each of the three: baresip presses or plays them, Linphone sends its INFO; the far side is measured."""

import re
from concurrent.futures import ThreadPoolExecutor
from scenarios._operator import Operator
from scenarios._talk import REGISTERED
from tandem.baresip import Phone
from tandem.daemon import Daemon, eventually
from tandem.hearing import keys
from tandem.linphone import Linphone
from time import sleep

WAYS = ["rfc4733", "info", "inband"]
PRESSED = "159#"
# What baresip says of an event that it was sent, and of an INFO.
SEEN = {
    "rfc4733": r"received (?:in-band )?(?:DTMF )?event: '(.)' \(end=0\)",
    "info": r"received DTMF: '(.)'",
}


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    try:
        operator = Operator(daemon)
        daemon.create("route", group=operator.group, prefix="1", target={"to": "local_device"})
        daemon.rpc_call("setting.set", {"key": "max_transcoded_calls", "value": 10})
        pairs = [(sent, taken) for sent in WAYS for taken in WAYS]
        with ThreadPoolExecutor(max_workers=3) as several:
            calls = [several.submit(one, daemon, operator, folder, number, *pair) for number, pair in enumerate(pairs)]
            heard = [call.result() for call in calls]
        wrong = [f"{sent} to {taken}: {keys!r}" for (sent, taken), keys in zip(pairs, heard) if keys != PRESSED]
        assert not wrong, f"{PRESSED} arrived as {wrong}"
        daemon.stop()
        daemon.verify()
        return f"{PRESSED} arrived whole by {len(pairs)} pairs of ways"
    finally:
        daemon.stop()


def one(daemon, operator, folder, number, sent, taken):
    users = [f"10{number}1", f"10{number}2"]
    for user, way in zip(users, [sent, taken]):
        account = operator.account(f"user{user}", 1_000_000, signalling={"dtmf": way})
        daemon.create("device", account=account, username=user, password=f"secret-{user}")
    phones = []
    try:
        bob = Phone(folder, users[1], f"secret-{users[1]}", daemon.sip, 440)
        phones.append(bob)
        alice = caller(folder, users[0], daemon.sip, sent)
        phones.append(alice)
        bob.wait_for(REGISTERED)
        eventually(lambda: {row["username"] for row in daemon.rows("registration.list")} >= set(users), "both are registered")
        alice.dial(users[1])
        bob.wait_for("Call established")
        if sent != "inband":
            sleep(1)
            for key in PRESSED:
                alice.press(key)
                sleep(0.4)
        # What is played takes so long, and what is measured needs the end of the last one; Linphone waits for some
        # seconds between its first INFO and the next one.
        sleep(8 if sent == "info" else 3)
        alice.hang_up()
        bob.wait_for("terminated|Call with .* closed|session closed")
        for phone in phones:
            phone.stop()
        return keys(bob.heard()) if taken == "inband" else "".join(re.findall(SEEN[taken], bob.text()))
    finally:
        for phone in phones:
            phone.stop()


def caller(folder, user, switch, sent):
    if sent == "info":
        return Linphone(folder, user, f"secret-{user}", switch, 1000, sip="use_info=1\nuse_rfc2833=0\n")
    return Phone(
        folder, user, f"secret-{user}", switch, 1000, "manual", keys=PRESSED if sent == "inband" else None
    )
