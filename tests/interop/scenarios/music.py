"""A phone that sends nothing on hold puts another one there: the held one hears the operator's music, until it is taken
back."""

from scenarios._talk import UDP, Pair
from tandem.baresip import tone
from tandem.hearing import spells
from time import sleep

MUSIC = 600


def run(binary, folder):
    pair = Pair(binary, folder, UDP, UDP)
    try:
        setting = {"key": "music_on_hold", "value": "music.wav"}
        refused = pair.daemon.run_rpc("setting.set", setting)
        said = refused.stdout + refused.stderr
        assert refused.returncode != 0 and str(pair.daemon.data / "sounds" / "music.wav") in said, said
        (pair.daemon.data / "sounds").mkdir()
        tone(pair.daemon.data / "sounds" / "music.wav", MUSIC, seconds=2, rate=16000, channels=2)
        pair.daemon.rpc_call("setting.set", setting)
        pair.call()
        pair.talk(3)
        pair.alice.command("hold")
        sleep(5)
        pair.alice.command("resume")
        pair.talk(3)
        pair.hang_up()
        heard = spells(pair.bob.all_heard(), [440, MUSIC])
        # The file is two seconds long: it begins again.
        assert heard.get(MUSIC, 0) > 3.5, f"seconds heard at the held phone: {heard}"
        assert heard.get(440, 0) > 3.5, f"seconds heard at the held phone: {heard}"
        other = spells(pair.alice.all_heard(), [1000, MUSIC])
        assert other.get(MUSIC, 0) == 0, f"seconds heard at the phone that holds: {other}"
        pair.daemon.stop()
        pair.daemon.verify()
        return f"{heard[MUSIC]:.1f} s of music, {heard[440]:.1f} s of talk"
    finally:
        pair.stop()
