"""Media of a peer whose signalling SIPp does: sockets, packets and where the switch wants them."""

import re
import socket
import threading
import time
from struct import pack

from tandem.sipp import free_media_port


class Port:
    """A UDP port that counts what comes. RTCP, if it is wanted, is the next one."""

    def __init__(self, port=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port or free_media_port()))
        self.socket.settimeout(0.1)
        self.port = self.socket.getsockname()[1]
        self.came = []
        self.open = True
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self):
        while self.open:
            try:
                packet = self.socket.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                return
            self.came.append((time.monotonic(), packet))

    def packets(self):
        return [packet for _, packet in self.came]

    def send(self, packet, port):
        self.socket.sendto(packet, ("127.0.0.1", port))

    def close(self):
        self.open = False
        self.thread.join()
        self.socket.close()


def audio(sequence, ssrc):
    """20 ms of silence in G.711."""
    return pack("!BBHII", 0x80, 0, sequence & 0xFFFF, sequence * 160 & 0xFFFFFFFF, ssrc) + b"\xff" * 160


def media_ports(sipp, kind):
    """The switch's ports for a kind of media, as SIPp was told them: `-trace_msg` writes it down."""
    found = []
    for message in sipp.messages(sipp.folder, sipp.name).read_text(errors="replace").split("----------------------------------------------- "):
        if "message received" in message:
            found += re.findall(rf"^m={kind} (\d+)", message, re.M)
    return [int(port) for port in found]
