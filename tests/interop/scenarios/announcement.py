"""A phone dials a number that no route fits, then a phone that has gone: it hears the prompt for each, gets its 404 and
its 480, and pays nothing."""

from scenarios._talk import UDP, Pair
from tandem.baresip import tone
from tandem.daemon import eventually
from tandem.hearing import spells

UNKNOWN = 800
ABSENT = 1200


def run(binary, folder):
    pair = Pair(binary, folder, UDP, UDP)
    try:
        sounds = pair.daemon.data / "sounds"
        sounds.mkdir()
        tone(sounds / "unknown.wav", UNKNOWN, seconds=2)
        tone(sounds / "absent.wav", ABSENT, seconds=2)
        lines = ["refused.no_route=unknown.wav", "failed.not_registered=absent.wav"]
        pair.daemon.rpc_call("setting.set", {"key": "announcements", "value": lines})
        pair.alice.dial("9001")
        pair.alice.wait_for("404")
        pair.bob.stop()
        eventually(lambda: len(pair.daemon.rows("registration.list")) == 1, "Bob has gone")
        pair.alice.dial("1002")
        pair.alice.wait_for("480")
        for phone in pair.phones:
            phone.stop()
        heard = spells(pair.alice.all_heard(), [UNKNOWN, ABSENT])
        assert min(heard.get(UNKNOWN, 0), heard.get(ABSENT, 0)) > 1.2, f"seconds heard: {heard}"
        eventually(lambda: len(pair.daemon.rows("cdr.list")) == 2, "two CDRs")
        cdrs = {cdr["cause"]: cdr for cdr in pair.daemon.rows("cdr.list")}
        assert set(cdrs) == {"refused.no_route", "failed.not_registered"}, cdrs
        assert not any(cdr["money"]["charge"] for cdr in cdrs.values()), cdrs
        assert not pair.daemon.rows("alert.list"), "nothing went wrong"
        pair.daemon.stop()
        pair.daemon.verify()
        return f"{heard[UNKNOWN]:.1f} s of the prompt, then 404; {heard[ABSENT]:.1f} s, then 480"
    finally:
        pair.stop()
