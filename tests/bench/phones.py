"""Phones that register with digest from one socket: how many a second, and how long each waited."""

import hashlib
import re
import select
import socket
import time


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class Phones:
    """`count` phones of users u00000...; each REGISTER is challenged and sent again with its answer."""

    def __init__(self, server, secret, count):
        self.server, self.secret, self.count = server, secret, count
        host, port = server.rsplit(":", 1)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect((host, int(port)))
        self.socket.setblocking(False)
        self.me = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.began, self.waited, self.refused = {}, [], 0
        self.run = hex(time.monotonic_ns())[-6:]

    def _send(self, n, cseq, answer=""):
        user = f"u{n:05}"
        text = (
            f"REGISTER sip:{self.server} SIP/2.0\r\nVia: SIP/2.0/UDP {self.me};branch=z9hG4bK{self.run}-{n}-{cseq};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{user}@{self.server}>;tag=r{n}\r\nTo: <sip:{user}@{self.server}>\r\n"
            f"Call-ID: {self.run}-{n}@bench\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:{user}@{self.me}>;expires=3600\r\n"
            f"User-Agent: bench\r\n{answer}Content-Length: 0\r\n\r\n"
        )
        self.socket.send(text.encode())

    def _answer(self, n, challenge):
        word = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        user, uri = f"u{n:05}", f"sip:{self.server}"
        first, second = md5(f"{user}:{word['realm']}:{self.secret}"), md5(f"REGISTER:{uri}")
        response = md5(f"{first}:{word['nonce']}:00000001:c{n:x}:auth:{second}")
        return (
            f'Authorization: Digest username="{user}",realm="{word["realm"]}",nonce="{word["nonce"]}",uri="{uri}",'
            f'response="{response}",algorithm=MD5,qop=auth,nc=00000001,cnonce="c{n:x}"\r\n'
        )

    def _take(self):
        while True:
            try:
                text = self.socket.recv(4096).decode()
            except BlockingIOError:
                return
            n = int(re.search(r"Call-ID: *\w+-(\d+)@", text)[1])
            cseq = int(re.search(r"CSeq: *(\d+)", text)[1])
            status = int(text[8:11])
            if status == 401 and cseq == 1:
                self._send(n, 2, self._answer(n, re.search(r"WWW-Authenticate: (.*)", text)[1]))
            elif status == 200 and n in self.began:
                self.waited.append(time.monotonic() - self.began.pop(n))
            elif status not in (100, 200, 401):
                self.refused += 1

    def register(self, rate, patience=10):
        """All once, `rate` a second. Nothing is sent twice: what is lost counts as missing."""
        start, n = time.monotonic(), 0
        while len(self.waited) + self.refused < self.count:
            now = time.monotonic()
            while n < min(self.count, int((now - start) * rate)):
                self.began[n] = time.monotonic()
                self._send(n, 1)
                n += 1
                if n % 16 == 0:
                    self._take()
            select.select([self.socket], [], [], 0.001)
            self._take()
            if now - start > self.count / rate + patience:
                break
        took = time.monotonic() - start
        waited = sorted(self.waited) or [float("nan")]
        at = lambda share: waited[min(len(waited) - 1, int(len(waited) * share))] * 1000
        return {
            "registered": len(self.waited), "missing": self.count - len(self.waited), "a_second": round(len(self.waited) / took),
            "p50_ms": round(at(0.5), 1), "p99_ms": round(at(0.99), 1),
        }
