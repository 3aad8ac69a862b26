"""Somebody sprays noise at every audio port, from before the call to its end: from another address, and, once the
phones talk, from other ports of their own address. Neither phone hears it, and nothing is ever sent to the intruder."""

import socket
import threading
from random import Random
from struct import pack
from scenarios._talk import Pair, UDP

PORTS = (11000, 11199)


class Sprayer:
    """Loud G.711 noise to every port of the relay, again and again; what comes back is counted."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.socket.setblocking(False)
        self.stopping = threading.Event()
        self.sent = self.heard = 0
        self.thread = threading.Thread(target=self._spray, daemon=True)
        self.thread.start()

    def _spray(self):
        random, sequence = Random(7), 0
        while not self.stopping.wait(0.05):
            sequence = (sequence + 1) & 0xFFFF
            packet = pack(">BBHII", 0x80, 0, sequence, sequence * 160, 0xBAD) + random.randbytes(160)
            for port in range(PORTS[0], PORTS[1] + 1):
                self.socket.sendto(packet, ("127.0.0.1", port))
                self.sent += 1
            try:
                while self.socket.recv(2048):
                    self.heard += 1
            except OSError:
                pass

    def stop(self):
        self.stopping.set()
        self.thread.join()


def run(binary, folder):
    pair = Pair(binary, folder, UDP, UDP, rtp=PORTS)
    sprayers = [Sprayer("127.0.0.66")]
    try:
        pair.call()
        pair.talk(2)
        sprayers.append(Sprayer("127.0.0.1"))
        pair.talk(4)
        for sprayer in sprayers:
            sprayer.stop()
        detail = pair.hang_up()
        first, second = pair.hear()
        assert [sprayer.heard for sprayer in sprayers] == [0, 0], "the intruder heard something"
        for side in "ab":
            # A packet each 20 ms, for a bit over six seconds; a few hundred more would be the intruder's.
            assert 250 < detail["media"][side]["packets"] < 450, detail["media"]
        pair.daemon.stop()
        pair.daemon.verify()
        sent = sum(sprayer.sent for sprayer in sprayers)
        return f"{sent} packets of noise: tones still at {first:.2f} and {second:.2f} dB, the intruder heard nothing"
    finally:
        for sprayer in sprayers:
            sprayer.stop()
        pair.stop()
