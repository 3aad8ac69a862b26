"""A carrier over TLS, with the certificate it has: refused if no authority signed it, taken by its fingerprint or if the
operator says that any will do. One connection carries all calls.
"""

import re
import socket
import ssl
import threading
from scenarios._operator import Operator
from tandem.daemon import Daemon
from tandem.sipp import Sipp

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 30998 RTP/AVP 8\r\n"
    "a=rtpmap:8 PCMA/8000\r\n"
)


class Carrier(threading.Thread):
    """Answers every call at once."""

    def __init__(self, certificate, key):
        super().__init__(daemon=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.connections = self.calls = 0
        self.start()

    def run(self):
        while True:
            line, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(line,), daemon=True).start()

    def serve(self, line):
        try:
            with self.context.wrap_socket(line, server_side=True) as secure:
                self.connections += 1
                rest = b""
                while data := secure.recv(65536):
                    rest += data
                    while b"\r\n\r\n" in rest:
                        head, after = rest.split(b"\r\n\r\n", 1)
                        length = int(re.search(rb"^Content-Length: *(\d+)", head, re.M | re.I)[1])
                        if len(after) < length:
                            break
                        rest = after[length:]
                        if answer := self.answer(head.decode()):
                            secure.sendall(answer.encode())
        except OSError:
            # The switch did not like the certificate: that is what is being tested.
            pass

    def answer(self, head):
        method = head.split(" ", 1)[0]
        if method not in ("INVITE", "BYE", "OPTIONS", "CANCEL"):
            return None
        self.calls += method == "INVITE"
        copied = "".join(f"{line}\r\n" for line in head.split("\r\n") if re.match(r"(Via|From|Call-ID|CSeq):", line))
        to = re.search(r"^To: .*", head, re.M)[0].strip()
        to += "" if "tag=" in to else ";tag=carrier"
        contact = f"Contact: <sip:127.0.0.1:{self.port};transport=tls>\r\n"
        body = SDP if method == "INVITE" else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return f"SIP/2.0 200 OK\r\n{copied}{to}\r\n{contact}{kind}Content-Length: {len(body)}\r\n\r\n{body}"


def run(binary, folder):
    daemon = Daemon(binary, folder, more=[("tls", "127.0.0.1")]).start()
    carrier = Carrier(daemon.data / "rpc.cert.pem", daemon.data / "rpc.key.pem")
    try:
        operator = Operator(daemon)
        account = operator.account("wholesale", 10_000_000)
        operator.source(account)
        gateway = operator.gateway("carrier", carrier.port, transport="tls")

        def call(name, count):
            caller = Sipp(
                folder, name, "caller", "-m", count, "-r", 5, "-d", 1200, "-s", "9000001", "-mp", 20000, "-timeout", 40,
                remote=daemon.sip,
            ).wait(60)
            return caller.counts()

        def judge(**tls):
            held = daemon.rpc_call("gateway.get", {"id": gateway})
            edit = {**held["edit"], "tls": tls}
            daemon.rpc_call("gateway.update", {"id": gateway, "revision": held["revision"], "edit": edit})

        assert call("unsigned", 1) == (0, 1) and carrier.calls == 0, "no authority signed it"
        judge(trust="fingerprint", fingerprint=":".join(["00"] * 32))
        assert call("another", 1) == (0, 1) and carrier.calls == 0, "it is another"
        judge(trust="fingerprint", fingerprint=daemon.fingerprint)
        before = carrier.connections
        assert call("pinned", 5) == (5, 0) and carrier.calls == 5, carrier.calls
        assert carrier.connections == before + 1, "one connection carries all calls"
        judge(trust="any")
        assert call("any", 1) == (1, 0)
        daemon.stop()
        daemon.verify()
        return f"{carrier.calls} calls over TLS, two certificates refused"
    finally:
        daemon.stop()
