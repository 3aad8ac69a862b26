"""Linphone registers, calls a baresip phone and is called by it; the tone is measured both ways each time."""

from scenarios._operator import Operator
from tandem.baresip import Phone
from tandem.daemon import Daemon, eventually
from tandem.hearing import assert_hears
from tandem.linphone import Linphone
from time import sleep

TALK = 6


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    try:
        operator = Operator(daemon)
        daemon.create("route", group=operator.group, prefix="1", target={"to": "local_device"})
        levels = [
            talk(daemon, operator, folder, number, name)
            for number, name in enumerate(["Linphone calls", "Linphone is called"])
        ]
        daemon.stop()
        daemon.verify()
        return f"2 calls, the quietest tone at {min(levels):.2f} dB of all that was heard"
    finally:
        daemon.stop()


def talk(daemon, operator, folder, number, name):
    users = [f"1{number}01", f"1{number}02"]
    for user in users:
        account = operator.account(f"owner-{user}", 1_000_000)
        daemon.create("device", account=account, username=user, password=f"secret-{user}")
    phones = []
    try:
        linphone = Linphone(folder, users[0], f"secret-{users[0]}", daemon.sip, 440)
        phones.append(linphone)
        baresip = Phone(folder, users[1], f"secret-{users[1]}", daemon.sip, 1000, answer="manual" if number else "auto")
        phones.append(baresip)
        eventually(lambda: set(users) <= {row["username"] for row in daemon.rows("registration.list")}, "both are registered")
        if number == 0:
            linphone.dial(users[1])
        else:
            baresip.dial(users[0])
            linphone.wait_for("Receiving new incoming call")
            linphone.answer()
        linphone.wait_for("Call .* connected|Media streams established")
        baresip.wait_for("Call established")
        # What is said in it is measured below.
        sleep(TALK)
        linphone.hang_up()
        baresip.wait_for("terminated|Call with .* closed|session closed")
        eventually(lambda: len(daemon.rows("cdr.list")) == number + 1, "a CDR")
        newest = max(daemon.rows("cdr.list"), key=lambda cdr: cdr["call"])
        assert newest["cause"] == ["answered.caller_hangup", "answered.callee_hangup"][number], newest
        assert newest["money"]["billed_secs"] >= TALK, newest
        for phone in phones:
            phone.stop()
        return min(assert_hears(linphone.heard(), 1000, 440), assert_hears(baresip.heard(), 440, 1000))
    except AssertionError as error:
        raise AssertionError(f"{name}: {error}") from error
    finally:
        for phone in phones:
            phone.stop()
