"""A Linphone on the command line: a tone is its microphone, what it hears is written to a file."""

import os
import re
import socket
import subprocess
import time
from pathlib import Path

from tandem.baresip import tone
from tandem.sipp import free_port


class Linphone:
    """One linphonec, which registers; it does not say when it has. `switch` is `address:port`; `sip` are more lines of
    its settings."""

    def __init__(self, folder, user, password, switch, hertz, sip=""):
        self.folder = Path(folder) / f"linphone-{user}"
        (self.folder / ".local/share/linphone").mkdir(parents=True)
        self.user = user
        tone(self.folder / "tone.wav", hertz)
        ports = {kind: free_port(socket.SOCK_DGRAM) for kind in ["sip", "audio"]}
        (self.folder / ".linphonerc").write_text(
            f"[sip]\nsip_port={ports['sip']}\nsip_tcp_port=0\nsip_tls_port=0\nguess_hostname=1\n{sip}"
            f"[rtp]\naudio_rtp_port={ports['audio']}\n"
            # A tone is an echo to its filters.
            "[sound]\nechocancellation=0\nagc=0\n"
        )
        self.output = open(self.folder / "linphone.out", "w+b")
        self.process = subprocess.Popen(
            ["linphonec", "-c", str(self.folder / ".linphonerc")], stdin=subprocess.PIPE, stdout=self.output,
            stderr=subprocess.STDOUT, env=dict(os.environ, HOME=str(self.folder)),
        )
        self.wait_for("linphonec>")
        for command in ["soundcard use files", f"play {self.folder}/tone.wav", f"record {self.folder}/heard.wav"]:
            self.command(command)
        self.command(f"register sip:{user}@{switch} sip:{switch} {password}")

    def command(self, line):
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def dial(self, number):
        self.command(f"call {number}")

    def answer(self):
        self.command("answer")

    def press(self, key):
        self.command(key)

    def hang_up(self):
        self.command("terminate")

    def text(self):
        return (self.folder / "linphone.out").read_text(errors="replace")

    def wait_for(self, pattern, seconds=20):
        """Until it prints it."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text()):
            assert time.monotonic() < end and self.process.poll() is None, f"{self.user} never printed {pattern!r}:\n{self.text()[-3000:]}"
            time.sleep(0.05)

    def heard(self):
        """The file of what came from the far end."""
        return self.folder / "heard.wav"

    def stop(self):
        if self.process.poll() is None:
            try:
                self.command("quit")
                self.process.wait(timeout=10)
            except (subprocess.TimeoutExpired, OSError):
                self.process.kill()
                self.process.wait()
