"""A customer whose calls are recorded: what each said is in the file, the caller left, the called side right, fetched
over RPC by who may hear it."""

import base64
import struct
import wave
from scenarios._talk import UDP, Pair
from tandem.hearing import level

# A share of the power, in dB, that is as good as all of it, and as nothing.
TONE, NOTHING = -1.0, -20.0


def fetch(daemon, call, path):
    """Piece by piece."""
    data = b""
    while True:
        part = daemon.rpc_call("recording.read", {"call": call, "offset": len(data), "limit": 65_536})
        data += base64.b64decode(part["base64"])
        if len(data) >= part["total"]:
            path.write_bytes(data)
            return part["name"]


def channels(path):
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
        data = file.readframes(file.getnframes())
    samples = struct.unpack(f"<{len(data) // 2}h", data)
    return samples[::2], samples[1::2]


def run(binary, folder):
    pair = Pair(binary, folder, UDP, UDP, signalling={"recording": "on"})
    try:
        pair.call()
        pair.talk(5)
        cdr = pair.hang_up()
        name = cdr["recording"]
        assert name and name.endswith(f"/{cdr['call']}.wav"), cdr
        path = pair.daemon.folder / "fetched.wav"
        assert fetch(pair.daemon, cdr["call"], path) == name.replace("/", "-")
        left, right = channels(path)
        assert 4 * 8000 < len(left) < 8 * 8000, f"{len(left) / 8000:.1f} s recorded"
        for side, own, other in [(left, 440, 1000), (right, 1000, 440)]:
            middle = side[len(side) // 2 :][:8000]
            assert level(middle, 8000, own) > TONE, f"{own} Hz at {level(middle, 8000, own):.1f} dB"
            assert level(middle, 8000, other) < NOTHING, f"{other} Hz at {level(middle, 8000, other):.1f} dB"
        pair.daemon.stop()
        pair.daemon.verify()
        return f"{len(left) / 8000:.1f} s, both sides on their channels"
    finally:
        pair.stop()
