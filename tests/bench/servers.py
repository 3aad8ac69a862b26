"""The servers under load: our daemon, set up as an operator would, and the baselines; each a process of its own."""

import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "interop"))

from scenarios._operator import Operator  # noqa: E402
from tandem.daemon import Daemon  # noqa: E402
from tandem.sipp import free_port  # noqa: E402

USER, SECRET = "bench", "bench-secret"
MICROS_EACH = 10**15


class Ports:
    """Where the generator's callers and callees stand: callers with a digest come from another port."""

    def __init__(self):
        self.known, self.digest, self.callee = free_port(), free_port(), free_port()
        # Of a flood: one whose account may begin few calls a second, and one nobody knows.
        self.capped, self.unknown, self.nowhere = free_port(), free_port(), free_port()


class Tandem:
    """Our daemon: calls to 9... priced at six prefixes, prepaid, sent to the callee; audio relayed."""

    name = "tandem"

    def __init__(self, binary, folder, ports):
        self.daemon = Daemon(binary, folder, rtp=(10000, 31999))
        self.daemon.start()
        self._operate(ports)

    def _operate(self, ports):
        operator = Operator(self.daemon)
        for prefix in ["90", "900", "9000", "91", "95"]:
            self.daemon.create("rate", tariff=operator.sell, prefix=prefix, description=prefix, price="0.05")
        operator.gateway("callee", ports.callee)
        relayed = operator.account("relayed", MICROS_EACH)
        operator.source(relayed, port=ports.known)
        operator.source(operator.account("capped", MICROS_EACH, limits={"max_cps": 10}), port=ports.capped)
        # The proxy it is compared with leaves audio alone.
        operator.group = self.daemon.create("group", name="direct")
        gateway = self.daemon.create(
            "gateway", name="direct", hosts=[{"host": "127.0.0.1", "port": ports.callee}], currency="EUR",
            cost_tariff=operator.cost, media="direct",
        )
        self.daemon.create("route", group=operator.group, prefix="9", target={"to": "gateway", "gateway": gateway})
        prepaid = operator.account("prepaid", MICROS_EACH, media="direct")
        self.daemon.create("device", account=prepaid, username=USER, password=SECRET)

    @property
    def address(self):
        return self.daemon.sip

    @property
    def pids(self):
        return str(self.daemon.process.pid)

    def stop(self):
        self.daemon.stop()
        return self.daemon.verify()


class Baseline:
    """Kamailio as a bare dialog proxy; with `media`, rtpengine in userspace beside it."""

    def __init__(self, folder, ports, media=None):
        self.name = "kamailio+rtpengine" if media else "kamailio"
        self.port, ng = free_port(), free_port()
        folder = Path(folder)
        text = (HERE / "kamailio.cfg").read_text()
        for key, value in {"@SIP@": self.port, "@NG@": ng, "@UAS@": ports.callee}.items():
            text = text.replace(key, str(value))
        (folder / "kamailio.cfg").write_text(text)
        self.processes = []
        if media:
            self._run(folder, "rtpengine", "--table=-1", "--interface=127.0.0.1", f"--listen-ng=127.0.0.1:{ng}",
                      "--foreground", "--log-stderr", "--log-level=3", "--port-min=20000", "--port-max=59999",
                      f"--num-threads={media}", f"--pidfile={folder}/rtpengine.pid")
            time.sleep(1)
        defines = ["-A", "WITH_MEDIA"] if media else []
        self._run(folder, "kamailio", "-DD", "-E", "-m", "512", "-M", "16", "-f", str(folder / "kamailio.cfg"), "-w",
                  str(folder), "-Y", str(folder), "-P", f"{folder}/kamailio.pid", *defines)
        self._wait()

    def _run(self, folder, *words):
        log = open(folder / f"{words[0]}.log", "ab")
        self.processes.append(subprocess.Popen(words, stdout=log, stderr=log))

    def _wait(self):
        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        probe.bind(("127.0.0.1", 0))
        probe.settimeout(0.2)
        me = "127.0.0.1:%d" % probe.getsockname()[1]
        for n in range(50):
            probe.sendto(
                f"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bKp{n};rport\r\nFrom: <sip:p@{me}>;tag=1\r\n"
                f"To: <sip:x@127.0.0.1>\r\nCall-ID: probe{n}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 5\r\nContent-Length: 0\r\n\r\n".encode(),
                ("127.0.0.1", self.port),
            )
            try:
                probe.recv(4096)
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"{self.name} did not start")

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pids(self):
        return ",".join(str(process.pid) for process in self.processes)

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait(timeout=20)
