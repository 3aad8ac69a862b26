"""Somebody else's switch over TCP and over TLS: it answers OPTIONS and keeps our registration, each over one connection; when
that breaks it is asked and registered at again, and at the end the registration is taken back."""

import hashlib
import re
import socket
import ssl
import threading
from tandem.daemon import Daemon, eventually

USER, PASSWORD, REALM = "u1", "secret", "carrier.test"


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class Registrar(threading.Thread):
    """Takes whoever knows the password, and notes what it was asked over which connection."""

    def __init__(self, context=None):
        super().__init__(daemon=True)
        self.context = context
        self.transport = "TLS" if context else "TCP"
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.lines, self.asked, self.held = [], [], None
        self.start()

    def run(self):
        while True:
            line, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(line,), daemon=True).start()

    def serve(self, line):
        try:
            if self.context:
                line = self.context.wrap_socket(line, server_side=True)
            self.lines.append(line)
            rest = b""
            while data := line.recv(65536):
                rest += data
                # Keep-alives (RFC 5626): two line ends, answered with one.
                while rest.startswith(b"\r\n\r\n"):
                    rest = rest[4:]
                    line.sendall(b"\r\n")
                while b"\r\n\r\n" in rest:
                    head, rest = rest.split(b"\r\n\r\n", 1)
                    line.sendall(self.answer(head.decode(), len(self.lines)).encode())
        except OSError:
            pass

    def drop(self):
        """Breaks all connections."""
        for line in self.lines:
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def count(self, method, since=0):
        """Requests that came, over the connections after the first `since`."""
        return sum(1 for (asked, line) in self.asked if asked == method and line > since)

    def answer(self, head, line):
        method = head.split(" ", 1)[0]
        header = lambda name: re.search(rf"^{name}: *(.*)$", head, re.M)[1].strip()
        assert header("Via").startswith(f"SIP/2.0/{self.transport} "), header("Via")
        status, more = "200 OK", ""
        if method == "REGISTER":
            status, more = self.register(head, header)
        self.asked.append((method if status.startswith("200") else f"{method} {status[:3]}", line))
        copied = "".join(f"{line.strip()}\r\n" for line in head.split("\n") if re.match(r"(Via|From|Call-ID|CSeq):", line))
        return f"SIP/2.0 {status}\r\n{copied}To: {header('To')};tag=r\r\n{more}Content-Length: 0\r\n\r\n"

    def register(self, head, header):
        said = re.search(r"^Authorization: Digest (.*)$", head, re.M)
        if not said:
            return "401 Unauthorized", f'WWW-Authenticate: Digest realm="{REALM}", nonce="n1", algorithm=MD5\r\n'
        told = dict(re.findall(r'(\w+)="?([^",\s]+)"?', said[1]))
        right = md5(f"{md5(f'{USER}:{REALM}:{PASSWORD}')}:n1:{md5('REGISTER:' + told['uri'])}")
        if told["response"] != right:
            return "403 Forbidden", ""
        contact = header("Contact")
        expires = int(re.search(r"^Expires: *(\d+)", head, re.M)[1])
        self.held = (contact, expires)
        named = re.match(r"<[^>]*>", contact)[0]
        return "200 OK", f"Contact: {named};expires={expires}\r\n" if expires else ""


def run(binary, folder):
    daemon = Daemon(binary, folder, more=[("tls", "127.0.0.1")]).start()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(daemon.data / "rpc.cert.pem", daemon.data / "rpc.key.pem")
    peers = {"tcp": Registrar(), "tls": Registrar(context)}
    try:
        watched = {"interval_s": 5, "fails_to_down": 2, "answers_to_up": 1}
        for transport, peer in peers.items():
            gateway = daemon.create(
                "gateway", name=transport, hosts=[{"host": "127.0.0.1", "port": peer.port}], transport=transport,
                currency="EUR", health=watched, tls={"trust": "fingerprint", "fingerprint": daemon.fingerprint}
                if transport == "tls" else {},
            )
            peer.gateway = gateway
            peer.upstream = daemon.create(
                "upstream", name=f"line-{transport}", gateway=gateway, registrar=REALM, username=USER,
                auth={"password": PASSWORD}, expires_s=60, keep_alive_s=20,
            )

        def holds(peer):
            rows = daemon.rpc_call("upstream.status")
            # The core is told of a new one a moment after it is stored.
            return any(row["upstream"] == peer.upstream and row["registered_until"] for row in rows)

        def host(peer):
            rows = daemon.rpc_call("gateway.status")
            [host] = next(row for row in rows if row["gateway"] == peer.gateway)["health"]["hosts"]
            return host

        for transport, peer in peers.items():
            eventually(lambda: holds(peer), f"the registration over {transport}")
            assert f"transport={transport}" in peer.held[0].lower() or "sips:" in peer.held[0], peer.held
            assert peer.count("REGISTER 401") == 1, peer.asked
            before, answered_at = peer.count("OPTIONS"), host(peer)["answered_at"]
            daemon.rpc_call("gateway.probe", {"id": peer.gateway})
            eventually(lambda: peer.count("OPTIONS") > before, f"OPTIONS over {transport}")
            eventually(lambda: host(peer)["answered_at"] != answered_at, f"its answer over {transport}")
            assert (host(peer)["answer"], host(peer)["transport"]) == ("200", transport), host(peer)
            lines = len(peer.lines)
            assert lines <= 2, f"{lines} connections over {transport}"
            peer.drop()
            eventually(lambda: peer.count("REGISTER", lines), f"REGISTER again over {transport}", 60)
            eventually(lambda: peer.count("OPTIONS", lines), f"OPTIONS again over {transport}", 60)
            eventually(lambda: holds(peer), f"the registration again over {transport}", 60)
        daemon.stop()
        for transport, peer in peers.items():
            assert peer.held[1] == 0, f"it is taken back over {transport}"
        daemon.verify()
        asked = {transport: len(peer.asked) for transport, peer in peers.items()}
        return f"{asked['tcp']} requests over TCP, {asked['tls']} over TLS; broken once and there again"
    finally:
        daemon.stop()
