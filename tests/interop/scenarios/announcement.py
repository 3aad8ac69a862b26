"""A phone dials a number that no route fits: it hears the prompt for it, then gets its 404, and pays nothing."""

from scenarios._talk import UDP, Pair
from tandem.baresip import tone
from tandem.daemon import eventually
from tandem.hearing import spells

PROMPT = 800


def run(binary, folder):
    pair = Pair(binary, folder, UDP, UDP)
    try:
        (pair.daemon.data / "sounds").mkdir()
        tone(pair.daemon.data / "sounds" / "unknown.wav", PROMPT, seconds=2)
        lines = ["refused.no_route=unknown.wav"]
        pair.daemon.rpc_call("setting.set", {"key": "announcements", "value": lines})
        pair.alice.dial("9001")
        pair.alice.wait_for("404")
        for phone in pair.phones:
            phone.stop()
        heard = spells(pair.alice.all_heard(), [PROMPT])
        assert heard.get(PROMPT, 0) > 1.2, f"seconds heard: {heard}"
        eventually(lambda: pair.daemon.rows("cdr.list"), "a CDR")
        [cdr] = pair.daemon.rows("cdr.list")
        assert cdr["cause"] == "refused.no_route" and not cdr["money"]["charge"], cdr
        assert not pair.daemon.rows("alert.list"), "nothing went wrong"
        pair.daemon.stop()
        pair.daemon.verify()
        return f"{heard[PROMPT]:.1f} s of the prompt, then 404"
    finally:
        pair.stop()
