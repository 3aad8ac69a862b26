"""SIPp as callers and as a terminator."""

import csv
import re
import socket
import subprocess
from pathlib import Path

SCENARIOS = Path(__file__).resolve().parent.parent / "sipp"


def free_port(kind=socket.SOCK_DGRAM):
    """A port that was free a moment ago: SIPp cannot take one by itself."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def free_media_port():
    """An even port with its three neighbours, as SIPp takes them, that were free a moment ago."""
    while True:
        port = free_port() & ~1
        probes = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
        try:
            for at, probe in enumerate(probes):
                probe.bind(("127.0.0.1", port + at))
            return port
        except (OSError, OverflowError):
            continue
        finally:
            for probe in probes:
                probe.close()


class Sipp:
    """One SIPp process."""

    def __init__(self, folder, name, scenario, *options, remote=None, kind=socket.SOCK_DGRAM):
        self.folder = Path(folder)
        self.name = name
        self.port = free_port(kind)
        self.statistics = self.folder / f"{name}.csv"
        self.output = open(self.folder / f"{name}.out", "wb")
        words = [
            "sipp", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-i", "127.0.0.1", "-p", str(self.port), "-mp",
            str(free_media_port()), "-nostdin",
            "-trace_stat", "-stf", str(self.statistics), "-fd", "1", "-trace_err", "-error_file",
            str(self.folder / f"{name}.err"), *map(str, options),
        ]
        self.process = subprocess.Popen(words + ([remote] if remote else []), stdout=self.output, stderr=self.output)

    def wait(self, timeout):
        self.process.wait(timeout=timeout)
        return self

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def counts(self):
        """(successful, failed) calls so far."""
        with open(self.statistics, newline="") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        last = rows[-1]
        return int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"])

    def answered(self):
        """Call-IDs that were told 200 to their INVITE; needs `-trace_msg -message_file` as `messages` names it."""
        found = set()
        text = self.messages(self.folder, self.name).read_text(errors="replace")
        for message in text.split("-----------------------------------------------")[1:]:
            if "SIP/2.0 200" in message and re.search(r"^CSeq: *\d+ INVITE", message, re.M):
                found.add(re.search(r"^Call-ID: *(\S+)", message, re.M)[1])
        return found

    @staticmethod
    def messages(folder, name):
        return Path(folder) / f"{name}.messages"

    def errors(self):
        file = self.folder / f"{self.name}.err"
        return file.read_text(errors="replace")[:2000] if file.exists() else ""
