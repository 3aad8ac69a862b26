"""Somebody at another address tries 200 user names and passwords: slowed, then blocked by source, over UDP and TCP,
told to operators, still so after a restart, until the block is deleted. The phones talk on meanwhile."""

import hashlib
import re
import socket
from random import Random
from scenarios._talk import Pair, UDP
from tandem.daemon import eventually

SCANNER = "127.0.0.66"
NAMES = 200


class Scanner:
    """Guesses over UDP; whatever does not come at once is not waited for."""

    def __init__(self, port):
        self.server = ("127.0.0.1", port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((SCANNER, 0))
        self.count = 0

    def ask(self, method, user, extra=""):
        self.count += 1
        self.forget_late_answers()
        here = "{}:{}".format(*self.socket.getsockname())
        self.socket.sendto(
            f"{method} sip:{self.server[0]} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKs{self.count};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{user}@{here}>;tag=s{self.count}\r\nTo: <sip:{user}@{here}>\r\n"
            f"Call-ID: s{self.count}@{here}\r\nCSeq: 1 {method}\r\nContact: <sip:{user}@{here}>\r\n{extra}"
            "Content-Length: 0\r\n\r\n".encode(),
            self.server,
        )
        try:
            return self.socket.recv(65536).decode()
        except TimeoutError:
            return ""

    def forget_late_answers(self):
        self.socket.setblocking(False)
        try:
            while self.socket.recv(65536):
                pass
        except BlockingIOError:
            self.socket.settimeout(0.04)

    def guess(self, user, password):
        """The status of the second answer; 0 if there was none."""
        challenge = self.ask("REGISTER", user)
        found = re.search(r'WWW-Authenticate: Digest realm="([^"]*)", nonce="([^"]*)"', challenge)
        if not found:
            return 0
        realm, nonce = found.groups()
        uri = f"sip:{self.server[0]}"
        md5 = lambda text: hashlib.md5(text.encode()).hexdigest()
        secret, request = md5(f"{user}:{realm}:{password}"), md5(f"REGISTER:{uri}")
        response = md5(f"{secret}:{nonce}:00000001:0a4f113b:auth:{request}")
        answer = self.ask(
            "REGISTER", user,
            f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
            f'response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="0a4f113b"\r\n',
        )
        return int(answer.split(" ")[1]) if answer else 0

    def is_heard(self):
        return self.ask("OPTIONS", "me") != ""

    def can_connect(self, port):
        """Whether a connection stays open for a message over it to be answered."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as line:
            line.bind((SCANNER, 0))
            line.settimeout(2)
            try:
                line.connect(("127.0.0.1", port))
                line.sendall(
                    f"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP {SCANNER};branch=z9hG4bKt\r\nMax-Forwards: 70\r\n"
                    f"From: <sip:a@b>;tag=t\r\nTo: <sip:a@b>\r\nCall-ID: t\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n".encode()
                )
                return line.recv(65536) != b""
            except OSError:
                return False


def run(binary, folder):
    pair = Pair(binary, folder, UDP, UDP)
    daemon = pair.daemon
    try:
        tcp = int(daemon.at("tcp").rsplit(":", 1)[1])
        daemon.rpc_call("setting.set", {"key": "guard_loopback", "value": True})
        scanner, random = Scanner(daemon.port), Random(7)
        assert scanner.is_heard() and scanner.can_connect(tcp)
        pair.call()
        statuses = [scanner.guess(f"{1000 + n}", f"{random.randrange(10_000):04}") for n in range(NAMES)]
        answered = sum(status != 0 for status in statuses)
        assert set(statuses) == {401, 0}, set(statuses)
        assert 5 <= answered <= 30, f"{answered} guesses were answered"
        assert not scanner.is_heard() and not scanner.can_connect(tcp)
        [block] = daemon.rows("source_rule.list")
        assert block["edit"]["network"] == f"{SCANNER}/32" and block["origin"] == "guard", block
        assert "wrong credentials" in block["edit"]["reason"], block
        counters = daemon.rpc_call("system.counters")
        assert counters["blocked_sources"] == 1 and counters["ignored"] > NAMES // 2, counters
        [alert] = daemon.rows("alert.list")
        assert alert["kind"] == "source_blocked" and SCANNER in alert["text"], alert
        pair.talk(2)
        detail = pair.hang_up()
        assert all(detail["media"][side]["packets"] > 150 for side in "ab"), detail["media"]
        first, second = pair.hear()

        daemon.stop()
        daemon.start()
        assert not scanner.is_heard(), "a restart does not lift it"
        daemon.rpc_call("source_rule.delete", {"id": block["id"]})
        eventually(scanner.is_heard, "it is heard again")
        assert scanner.can_connect(tcp)
        ours = daemon.create("source_rule", network="127.0.0.64/26", verdict="block", reason="by hand")
        eventually(lambda: not scanner.is_heard(), "it is blocked by hand")
        assert not scanner.can_connect(tcp)
        daemon.create("source_rule", network=SCANNER, verdict="allow", reason="a narrower rule")
        eventually(scanner.is_heard, "the narrower rule holds")
        actions = [(row["action"], row["object_id"]) for row in daemon.rows("audit.list") if row["object"] == "source_rule"]
        assert ("delete", block["id"]) in actions and ("create", ours) in actions, actions
        daemon.stop()
        daemon.verify()
        return f"{answered} of {NAMES} guesses answered, then silence; tones at {first:.2f} and {second:.2f} dB"
    finally:
        pair.stop()
