"""Phones without a codec in common: baresip with one codec only to baresip with another one only. The switch codes
the audio anew; the tone is measured at both ends, and the CDR names the codec of each leg."""

from scenarios._operator import Operator
from scenarios._talk import REGISTERED
from tandem.baresip import Phone
from tandem.daemon import Daemon, eventually
from tandem.hearing import assert_hears
from time import sleep

PCMA = ("pcma", {"account": ";audio_codecs=PCMA/8000/1"})
PCMU = ("pcmu", {"account": ";audio_codecs=PCMU/8000/1"})
G722 = ("g722", {"modules": ["g722.so"], "account": ";audio_codecs=G722/16000/1", "audio": (16_000, 1)})
OPUS = ("opus", {"modules": ["opus.so"], "account": ";audio_codecs=opus/48000/2", "audio": (48_000, 2)})

CALLS = [(G722, PCMA), (PCMU, G722), (OPUS, PCMA), (G722, OPUS)]


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    try:
        operator = Operator(daemon)
        daemon.create("route", group=operator.group, prefix="1", target={"to": "local_device"})
        refused(daemon, operator, folder)
        daemon.rpc_call("setting.set", {"key": "max_transcoded_calls", "value": 10})
        levels = [one(daemon, operator, folder, number, *call) for number, call in enumerate(CALLS)]
        daemon.stop()
        daemon.verify()
        return f"{len(CALLS)} pairs of codecs, the quietest tone at {min(levels):.2f} dB of all that was heard"
    finally:
        daemon.stop()


def phones_of(daemon, operator, folder, users, codecs):
    phones = []
    for user, (_, codec), hertz, answer in zip(users, codecs, [440, 1000], ["manual", "auto"]):
        account = operator.account(f"user{user}", 1_000_000)
        daemon.create("device", account=account, username=user, password=f"secret-{user}")
        phones.append(Phone(folder, user, f"secret-{user}", daemon.sip, hertz, answer, **codec))
    for phone in phones:
        phone.wait_for(REGISTERED)
    return phones


def refused(daemon, operator, folder):
    """Off, the call fails and says why."""
    phones = phones_of(daemon, operator, folder, ["1901", "1902"], [G722, PCMA])
    try:
        phones[0].dial("1902")
        phones[0].wait_for("488")
        eventually(lambda: daemon.rows("cdr.list"), "a CDR")
        [cdr] = daemon.rows("cdr.list")
        assert cdr["cause"] == "failed.media", cdr
    finally:
        for phone in phones:
            phone.stop()


def one(daemon, operator, folder, number, caller, called):
    users = [f"10{number}1", f"10{number}2"]
    phones = phones_of(daemon, operator, folder, users, [caller, called])
    try:
        alice, bob = phones
        alice.dial(users[1])
        alice.wait_for("Call established")
        # The talk itself: what is said in it is measured below.
        sleep(5)
        [live] = daemon.rpc_call("live.snapshot")["calls"]
        assert (live["codec"], live["codec_b"]) == (caller[0], called[0]), live
        alice.hang_up()
        bob.wait_for("terminated|Call with .* closed|session closed")
        for phone in phones:
            phone.stop()
        return min(assert_hears(alice.heard(), 1000, 440), assert_hears(bob.heard(), 440, 1000))
    except AssertionError as error:
        raise AssertionError(f"{caller[0]} to {called[0]}: {error}") from error
    finally:
        for phone in phones:
            phone.stop()
