"""A baresip, which sends nothing on hold, puts a Linphone there: the held one hears the operator's music, until it is
taken back."""

from scenarios._operator import Operator
from tandem.baresip import Phone, tone
from tandem.daemon import Daemon, eventually
from tandem.hearing import spells
from tandem.linphone import Linphone
from time import sleep

MUSIC = 600


def name_music(daemon):
    """A file that is not there is refused with its path."""
    sounds = daemon.data / "sounds"
    setting = {"key": "music_on_hold", "value": "music.wav"}
    refused = daemon.run_rpc("setting.set", setting)
    said = refused.stdout + refused.stderr
    assert refused.returncode != 0 and str(sounds / "music.wav") in said, said
    sounds.mkdir()
    tone(sounds / "music.wav", MUSIC, seconds=2, rate=16000, channels=2)
    daemon.rpc_call("setting.set", setting)


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    phones = []
    try:
        name_music(daemon)
        operator = Operator(daemon)
        daemon.create("route", group=operator.group, prefix="1", target={"to": "local_device"})
        for user in ["1001", "1002"]:
            owner = operator.account(f"owner-{user}", 1_000_000)
            daemon.create("device", account=owner, username=user, password=f"secret-{user}")
        held = Linphone(folder, "1002", "secret-1002", daemon.sip, 1000)
        phones.append(held)
        holder = Phone(folder, "1001", "secret-1001", daemon.sip, 440)
        phones.append(holder)
        eventually(lambda: len(daemon.rows("registration.list")) == 2, "both are registered")
        holder.dial("1002")
        held.wait_for("Receiving new incoming call")
        held.answer()
        holder.wait_for("Call established")
        # How long each is heard is measured below.
        sleep(3)
        holder.command("hold")
        sleep(5)
        holder.command("resume")
        sleep(3)
        holder.hang_up()
        held.wait_for("ended")
        for phone in phones:
            phone.stop()
        heard = spells([held.heard()], [440, MUSIC])
        # The file is two seconds long: it begins again.
        assert heard.get(MUSIC, 0) > 3.5, f"seconds heard by the held phone: {heard}"
        assert heard.get(440, 0) > 3.5, f"seconds heard by the held phone: {heard}"
        assert spells(holder.all_heard(), [MUSIC]) == {}, "the one that holds hears none"
        eventually(lambda: daemon.rows("cdr.list"), "a CDR")
        assert not daemon.rows("alert.list"), "nothing went wrong"
        daemon.stop()
        daemon.verify()
        return f"{heard[MUSIC]:.1f} s of music, {heard[440]:.1f} s of talk"
    finally:
        for phone in phones:
            phone.stop()
        daemon.stop()
