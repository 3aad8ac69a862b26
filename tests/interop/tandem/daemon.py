"""A tandem-switch of its own folder and ports, operated as an operator would: by its command line."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

PASSWORD = "interop-password"


def eventually(holds, what, seconds=20):
    """Waits until it holds; fails naming what never came."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.05)


class Daemon:
    """Starts in a temporary folder; `more` are listeners (transport, address) beside UDP and TCP on 127.0.0.1."""

    def __init__(self, binary, folder, rtp=(10000, 18999), more=()):
        self.binary = str(Path(binary).resolve())
        self.folder = Path(folder)
        self.data = self.folder / "data"
        self.rtp = rtp
        self.process = None
        self.sip = self.rpc = self.fingerprint = None
        self.listens = [("udp", "127.0.0.1:0"), ("tcp", "127.0.0.1:0"), *((kind, f"{ip}:0") for kind, ip in more)]
        self._configure("127.0.0.1:0")
        self.command("admin", "create", "admin", "--password", PASSWORD)

    def _configure(self, rpc):
        self.config = self.folder / "switch.toml"
        self.config.write_text(
            f'data = "{self.data}"\n'
            + "".join(f'[[listen]]\ntransport = "{kind}"\naddress = "{at}"\n' for kind, at in self.listens) +
            f"[media]\nfirst_port = {self.rtp[0]}\nlast_port = {self.rtp[1]}\n"
            f'[rpc]\naddress = "{rpc}"\n'
            f"[limits]\ndrain_s = 2\n"
        )

    def command(self, *words, check=True):
        """Runs one command of the binary; returns what it printed."""
        done = subprocess.run(
            [self.binary, "--config", str(self.config), *words], capture_output=True, text=True, timeout=120
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def start(self, **environment):
        """Returns once it says that it is ready."""
        self.log = open(self.folder / "switch.log", "ab")
        self.process = subprocess.Popen(
            [self.binary, "--config", str(self.config)], stdout=subprocess.PIPE, stderr=self.log, text=True,
            env=dict(os.environ, **environment),
        )
        bound = []
        for line in self.process.stdout:
            if match := re.match(r"sip (\S+) (\S+)", line):
                bound.append((match[1], match[2]))
            if match := re.match(r"rpc https (\S+)", line):
                self.rpc = match[1]
            if match := re.match(r"certificate sha256 (\S+)", line):
                self.fingerprint = match[1]
            if line.strip() == "ready":
                break
        else:
            raise AssertionError(f"the switch did not start:\n{(self.folder / 'switch.log').read_text()[-3000:]}")
        # The same ports after a crash, as an operator's would be.
        self.listens = bound
        self.sip = next(at for kind, at in bound if kind == "udp")
        self._configure(self.rpc)
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        return self

    def at(self, transport, ip="127.0.0.1"):
        """Where it listens."""
        return next(at for kind, at in self.listens if kind == transport and at.rsplit(":", 1)[0].strip("[]") == ip)

    @property
    def port(self):
        return int(self.sip.rsplit(":", 1)[1])

    def kill(self):
        """As a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """TERM: drains, closes the books."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            code = self.process.wait(timeout=60)
            assert code == 0, f"the switch ended with {code}"

    def run_rpc(self, method, params, *options):
        """One call by the command line, as it ended."""
        environment = dict(os.environ, TANDEM_PASSWORD=PASSWORD)
        return subprocess.run(
            [self.binary, "--config", str(self.config), "rpc", "--server", self.rpc, "--user", "admin", *options,
             method, json.dumps(params)],
            capture_output=True, text=True, timeout=60, env=environment,
        )

    def rpc_call(self, method, params=None, pin=None):
        done = self.run_rpc(method, params or {}, *(["--pin", pin] if pin else []))
        if done.returncode != 0:
            raise AssertionError(f"{method}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def create(self, resource, **edit):
        return self.rpc_call(f"{resource}.create", {"edit": edit})["id"]

    def rows(self, method, **params):
        """All rows of a list, page by page."""
        # The end of a call reaches the books a moment after its BYE was answered.
        time.sleep(0.2)
        rows, params = [], {"limit": 1000, **params}
        while True:
            page = self.rpc_call(method, {**params, "offset": len(rows)})
            rows += page["rows"]
            if len(rows) >= page["total"] or not page["rows"]:
                return rows

    def pay(self, account, micros, request_id):
        return self.rpc_call(
            "payment.create",
            {"account": account, "kind": "payment", "amount": micros, "request_id": request_id, "note": "interop"},
        )

    def balance(self, account):
        [found] = self.rpc_call("account.balance", {"accounts": [account]})
        return found

    def verify(self):
        """The books are right, or the scenario fails."""
        done = self.command("verify", check=False)
        assert done.returncode == 0, f"verify:\n{done.stdout}{done.stderr}"
        return done.stdout
