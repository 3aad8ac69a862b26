"""A baresip puts a Linphone on hold and transfers it: the Linphone hears ringing until the target, another baresip, has
answered, and then the target."""

from scenarios._operator import Operator
from tandem.baresip import Phone
from tandem.daemon import Daemon, eventually
from tandem.hearing import spells
from tandem.linphone import Linphone
from time import sleep

RINGING, TARGET = 425, 700


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    phones = []
    try:
        operator = Operator(daemon)
        daemon.create("route", group=operator.group, prefix="1", target={"to": "local_device"})
        for user in ["1001", "1002", "1003"]:
            owner = operator.account(f"owner-{user}", 1_000_000)
            daemon.create("device", account=owner, username=user, password=f"secret-{user}")
        waits = Linphone(folder, "1002", "secret-1002", daemon.sip, 1000)
        phones.append(waits)
        sends = Phone(folder, "1001", "secret-1001", daemon.sip, 440)
        phones.append(sends)
        target = Phone(folder, "1003", "secret-1003", daemon.sip, TARGET, answer="manual")
        phones.append(target)
        eventually(lambda: len(daemon.rows("registration.list")) == 3, "all are registered")
        sends.dial("1002")
        waits.wait_for("Receiving new incoming call")
        waits.answer()
        sends.wait_for("Call established")
        sends.command("hold")
        waits.wait_for("paused by")
        sends.command("transfer", "1003")
        target.wait_for("Incoming call")
        # It rings: a second in five is heard of it.
        sleep(7)
        target.command("accept")
        target.wait_for("Call established")
        sleep(3)
        target.hang_up()
        waits.wait_for("ended")
        for phone in phones:
            phone.stop()
        heard = spells([waits.heard()], [RINGING, TARGET])
        assert 0.4 < heard.get(RINGING, 0) <= 2.5, f"seconds heard by who waits: {heard}"
        assert heard.get(TARGET, 0) > 1.5, f"seconds heard by who waits: {heard}"
        daemon.stop()
        daemon.verify()
        return f"{heard[RINGING]:.1f} s of ringing, {heard[TARGET]:.1f} s of the target"
    finally:
        for phone in phones:
            phone.stop()
        daemon.stop()
