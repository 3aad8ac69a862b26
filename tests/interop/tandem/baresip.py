"""baresip phones: a tone goes in, what is heard is written to a file."""

import json
import re
import socket
import subprocess
import time
import wave
from math import pi, sin
from pathlib import Path
from struct import pack
from tandem.sipp import free_port

MODULES = [
    "account.so", "contact.so", "menu.so", "ctrl_tcp.so", "g711.so", "aufile.so", "aubridge.so", "sndfile.so", "uuid.so",
]


def tone(path, hertz, seconds=20, rate=8000, channels=1):
    """A sine as WAV: 8 kHz and mono, as G.711 wants it, or as another codec does."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        samples = (pack("<h", int(12000 * sin(2 * pi * hertz * n / rate))) for n in range(seconds * rate))
        file.writeframes(b"".join(sample * channels for sample in samples))


def tones(path, keys):
    """Keys as tones (ITU-T Q.23), 100 ms each with as much silence between them, after a second and a half of
    silence."""
    low, high = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
    rows = ("123A", "456B", "789C", "*0#D")
    samples = [0] * 12_000
    for key in keys:
        [(row, column)] = [(r, c) for r in range(4) for c in range(4) if rows[r][c] == key]
        samples += [
            int(8000 * sin(2 * pi * low[row] * n / 8000) + 8000 * sin(2 * pi * high[column] * n / 8000)) for n in range(800)
        ]
        samples += [0] * 800
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(pack(f"<{len(samples)}h", *samples) + bytes(2 * 8000 * 20))


class Phone:
    """One baresip, registered, playing its own tone, or `keys` once. `switch` is `address:port`, IPv6 in brackets;
    `audio` is the rate and channels of its codec, `more` are lines of its settings."""

    def __init__(self, folder, user, password, switch, hertz, answer="auto", transport="udp", modules=(), account="", audio=(8000, 1), keys=None, more=""):
        self.folder = Path(folder) / f"phone-{user}"
        self.folder.mkdir()
        self.user = user
        self.control = free_port(socket.SOCK_STREAM)
        ip = switch.rsplit(":", 1)[0]
        if keys:
            tones(self.folder / "tone.wav", keys)
        else:
            tone(self.folder / "tone.wav", hertz, rate=audio[0], channels=audio[1])
        module_path = next(p for p in ["/usr/lib/baresip/modules", "/usr/lib64/baresip/modules"] if Path(p).exists())
        (self.folder / "config").write_text(
            f"module_path {module_path}\n"
            f"sip_listen {ip}:{free_port()}\n"
            f"ctrl_tcp_listen 127.0.0.1:{self.control}\n"
            f"net_interface {ip.strip('[]')}\n"
            f"audio_source aufile,{self.folder}/tone.wav\n"
            "audio_player aubridge,heard\naudio_alert aubridge,alert\n"
            "call_local_timeout 120\n"
            f"snd_path {self.folder}\n"
            "sip_verify_server no\n"
            f"rtp_timeout 60\n{more}" + "".join(f"module {module}\n" for module in [*modules, *MODULES])
        )
        (self.folder / "accounts").write_text(
            f"<sip:{user}@{switch};transport={transport}>;auth_user={user};auth_pass={password};regint=60;answermode={answer}{account}\n"
        )
        (self.folder / "contacts").write_text("")
        self.output = open(self.folder / "baresip.out", "w+b")
        self.process = subprocess.Popen(
            ["baresip", "-6" if ip.startswith("[") else "-4", "-f", str(self.folder)], stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT
        )

    def command(self, name, parameters=""):
        """One command over the control port: JSON in a netstring."""
        text = json.dumps({"command": name, "params": parameters}).encode()
        with socket.create_connection(("127.0.0.1", self.control), timeout=5) as line:
            line.sendall(b"%d:%s," % (len(text), text))
            line.settimeout(5)
            return line.recv(65536)

    def dial(self, number):
        self.command("dial", number)

    def press(self, key):
        self.command("sndcode", key)

    def hang_up(self):
        self.command("hangup")

    def text(self):
        return (self.folder / "baresip.out").read_text(errors="replace")

    def wait_for(self, pattern, seconds=15):
        """Until baresip prints it; returns when, or fails with all it printed."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if re.search(pattern, self.text()):
                return time.monotonic()
            time.sleep(0.02)
        raise AssertionError(f"{self.user} never printed {pattern!r}:\n{self.text()[-3000:]}")

    def heard(self):
        """The file of what came from the far end."""
        [found] = sorted(self.folder.glob("dump-*-dec.wav"))
        return found

    def all_heard(self):
        """The same, of every stream there was."""
        return sorted(self.folder.glob("dump-*-dec.wav"))

    def stop(self):
        if self.process.poll() is None:
            try:
                self.command("quit")
                self.process.wait(timeout=5)
            except (subprocess.TimeoutExpired, OSError):
                self.process.kill()
                self.process.wait()
