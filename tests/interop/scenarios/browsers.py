"""Two SIP clients over secure WebSocket, as a browser's library writes them (RFC 7118): they register and call.

Neither knows its address: Via and Contact have names that lead nowhere, so all that reaches them must come over the
connection they opened.
"""

import asyncio
import hashlib
import re
import ssl
import uuid
from scenarios._operator import Operator
from tandem.daemon import Daemon, eventually

import websockets

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 30998 RTP/AVP 8\r\n"
    "a=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n"
)


# A browser is offered DTLS-SRTP and answers so (RFC 5763, RFC 8839); nothing is spoken here.
ANSWER = (
    "v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 8\r\n"
    "c=IN IP4 0.0.0.0\r\na=mid:0\r\na=rtcp-mux\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijklmn\r\n"
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\na=setup:active\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n"
)


def header(message, name):
    found = re.search(rf"^{name}: *(.*?)\r?$", message, re.M | re.I)
    return found[1] if found else None


class Browser:
    def __init__(self, at, user, password):
        self.at, self.user, self.password = at, user, password
        self.host = f"{uuid.uuid4().hex[:12]}.invalid"
        self.contact = f"<sip:{uuid.uuid4().hex[:8]}@{self.host};transport=ws>"
        self.instance = uuid.uuid4()
        self.cseq = 0

    async def open(self):
        unverified = ssl.create_default_context()
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        self.socket = await websockets.connect(f"wss://{self.at}/", subprotocols=["sip"], ssl=unverified)
        assert self.socket.subprotocol == "sip"
        return self

    def request(self, method, uri, to, call_id, tag, extra="", body="", cseq=None):
        self.cseq += 1
        content = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/WSS {self.host};branch=z9hG4bK{uuid.uuid4().hex[:10]}\r\n"
            f"Max-Forwards: 69\r\nTo: {to}\r\nFrom: <sip:{self.user}@{self.at}>;tag={tag}\r\nCall-ID: {call_id}\r\n"
            f"CSeq: {cseq or self.cseq} {method}\r\nSupported: path, outbound\r\n{extra}{content}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )

    async def hear(self, pattern):
        """The next message that begins so; provisional answers and others are passed over."""
        while True:
            message = await asyncio.wait_for(self.socket.recv(), 20)
            message = message if isinstance(message, str) else message.decode()
            if re.match(pattern, message):
                return message
            assert not re.match(r"SIP/2.0 [3-6]", message), message

    def answer_digest(self, challenge, method, uri):
        parameters = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
        md5 = lambda text: hashlib.md5(text.encode()).hexdigest()
        ha1 = md5(f"{self.user}:{parameters['realm']}:{self.password}")
        response = md5(f"{ha1}:{parameters['nonce']}:00000001:abcd:auth:{md5(f'{method}:{uri}')}")
        return (
            f'Digest username="{self.user}", realm="{parameters["realm"]}", nonce="{parameters["nonce"]}", uri="{uri}", '
            f'response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="abcd"'
        )

    async def ask(self, method, uri, to, extra, body="", challenged=("401", "WWW-Authenticate", "Authorization")):
        """Sends, answers the challenge, and returns what stays the same of both."""
        status, asks, answers = challenged
        call_id, tag = uuid.uuid4().hex, uuid.uuid4().hex[:8]
        await self.socket.send(self.request(method, uri, to, call_id, tag, extra, body))
        refused = await self.hear(rf"SIP/2.0 {status}")
        if method == "INVITE":
            await self.socket.send(self.request("ACK", uri, header(refused, "To"), call_id, tag, cseq=self.cseq))
        credentials = self.answer_digest(header(refused, asks), method, uri)
        self.cseq += 0 if method != "INVITE" else -1
        await self.socket.send(self.request(method, uri, to, call_id, tag, f"{extra}{answers}: {credentials}\r\n", body))
        return call_id, tag

    async def register(self):
        uri = f"sip:{self.at}"
        contact = f"Contact: {self.contact};reg-id=1;+sip.instance=\"<urn:uuid:{self.instance}>\";expires=600\r\n"
        await self.ask("REGISTER", uri, f"<sip:{self.user}@{self.at}>", contact)
        accepted = await self.hear(r"SIP/2.0 200")
        assert self.host in header(accepted, "Contact"), accepted

    def reply(self, request, status, extra="", body=""):
        vias = "".join(f"Via: {via}\r\n" for via in re.findall(r"^Via: *(.*?)\r?$", request, re.M))
        to = header(request, "To")
        to += "" if "tag=" in to else ";tag=callee"
        content = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"SIP/2.0 {status}\r\n{vias}From: {header(request, 'From')}\r\nTo: {to}\r\nCall-ID: {header(request, 'Call-ID')}\r\n"
            f"CSeq: {header(request, 'CSeq')}\r\n{extra}{content}Content-Length: {len(body)}\r\n\r\n{body}"
        )


async def talk(daemon):
    at = daemon.at("wss")
    alice = await Browser(at, "1001", "1001-secret").open()
    bob = await Browser(at, "1002", "1002-secret").open()
    await alice.register()
    await bob.register()
    eventually(lambda: len(daemon.rows("registration.list")) == 2, "both are registered")
    uri = f"sip:1002@{at}"
    call_id, tag = await alice.ask(
        "INVITE", uri, f"<{uri}>", f"Contact: {alice.contact}\r\n", SDP,
        challenged=("407", "Proxy-Authenticate", "Proxy-Authorization"),
    )
    invite_cseq = alice.cseq
    invite = await bob.hear(r"INVITE ")
    assert bob.host in invite.split("\r\n")[0], "the Request-URI is the registered contact"
    assert "transport=ws" in header(invite, "Contact"), invite
    assert "UDP/TLS/RTP/SAVPF" in invite and "a=fingerprint:" in invite, invite
    await bob.socket.send(bob.reply(invite, "180 Ringing", f"Contact: {bob.contact}\r\n"))
    await alice.hear(r"SIP/2.0 180")
    await bob.socket.send(bob.reply(invite, "200 OK", f"Contact: {bob.contact}\r\n", ANSWER))
    answered = await alice.hear(r"SIP/2.0 200")
    target = re.search(r"<(.*?)>", header(answered, "Contact"))[1]
    to = header(answered, "To")
    await alice.socket.send(alice.request("ACK", target, to, call_id, tag, cseq=invite_cseq))
    await bob.hear(r"ACK ")
    await asyncio.sleep(1)
    alice.cseq = max(alice.cseq, invite_cseq)
    await alice.socket.send(alice.request("BYE", target, to, call_id, tag))
    goodbye = await bob.hear(r"BYE ")
    await bob.socket.send(bob.reply(goodbye, "200 OK"))
    await alice.hear(r"SIP/2.0 200")
    # One that goes takes its registration with it, at once.
    await bob.socket.close()
    eventually(lambda: len(daemon.rows("registration.list")) == 1, "the one that left is gone")
    await alice.socket.close()


def run(binary, folder):
    daemon = Daemon(binary, folder, more=[("wss", "127.0.0.1")]).start()
    try:
        operator = Operator(daemon)
        daemon.create("route", group=operator.group, prefix="1", target={"to": "local_device"})
        for name in ["1001", "1002"]:
            owner = operator.account(f"owner-{name}", 1_000_000)
            daemon.create("device", account=owner, username=name, password=f"{name}-secret")
        asyncio.run(talk(daemon))
        eventually(lambda: daemon.rows("cdr.list"), "a CDR")
        [cdr] = daemon.rows("cdr.list")
        assert cdr["cause"] == "answered.caller_hangup", cdr
        daemon.stop()
        daemon.verify()
        return "registered, called and were billed over WSS"
    finally:
        daemon.stop()
