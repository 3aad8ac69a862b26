"""Direct media: the phones exchange audio with each other, not through the switch; hold and resume work; the call
is billed as any other."""

from scenarios._talk import Pair, UDP


def run(binary, folder, media="direct"):
    pair = Pair(binary, folder, UDP, UDP, media=media)
    try:
        pair.call()
        pair.hold_and_resume()
        detail = pair.hang_up()
        through = [detail["media"][side]["packets"] for side in "ab"]
        assert all((packets > 150) == (media == "relay") for packets in through), through
        first, second = pair.hear()
        pair.daemon.stop()
        pair.daemon.verify()
        return f"tones at {first:.2f} and {second:.2f} dB, {through} packets through the switch; held and resumed"
    finally:
        pair.stop()
