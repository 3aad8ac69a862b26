"""A phone that misses a fifth of what it is sent says so in its receiver reports (RFC 3550): the loss, its jitter and
the way there and back are in the CDR, and its MOS is what such a loss makes of G.711."""

from scenarios._operator import Operator
from tandem.daemon import Daemon, eventually
from tandem.packets import Port, audio, media_ports
from tandem.sipp import Sipp
from struct import pack
from time import monotonic, sleep

SECONDS = 6
RATE = 50
CALLER, CALLEE = 70, 71


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    try:
        operator = Operator(daemon)
        account = operator.account("wholesale", 100_000_000)
        operator.source(account)
        good = call(daemon, operator, folder, 0, 0)
        bad = call(daemon, operator, folder, 1, 5)
        daemon.stop()
        daemon.verify()
    finally:
        daemon.stop()
    side, other = bad["media"]["b"], bad["media"]["a"]
    assert abs(side["far_lost"] - SECONDS * RATE // 5) < RATE, side
    assert side["far_jitter_us"] == 20_000, side
    assert 0 < side["round_trip_us"] < 500_000, side
    assert other["lost"] == side["lost"] == 0, "what came here was whole"
    assert good["media"]["b"]["far_lost"] == 0, good["media"]
    [clean, lossy] = [detail["media"]["a"]["mos_x100"] for detail in (good, bad)]
    worst = [min(side["mos_x100"] for side in detail["media"].values()) for detail in (good, bad)]
    assert worst[0] > 430, f"a call without loss: {good['media']}"
    assert worst[1] < 300, f"a fifth lost: {bad['media']}"
    return f"{side['far_lost']} packets missed, MOS {worst[1] / 100:.2f} against {worst[0] / 100:.2f} without loss"


def party(folder, name, scenario, port, *options, **more):
    return Sipp(
        folder, name, scenario, "-m", 1, "-trace_msg", "-message_file", Sipp.messages(folder, name), "-key", "audio_port",
        port.port, *options, **more,
    )


def call(daemon, operator, folder, number, every):
    """A call of which the callee says that it misses each so many-th packet; returns the CDR in detail."""
    ports = [Port(), Port()]
    reports = [Port(port.port + 1) for port in ports]
    parties = []
    try:
        callee = party(folder, f"callee{number}", "media_callee", ports[1])
        parties.append(callee)
        operator.gateway(f"callee{number}", callee.port, prefix=f"90{number}")
        caller = party(
            folder, f"caller{number}", "media_caller", ports[0], "-d", (SECONDS + 3) * 1_000, "-s", f"90{number}0001", "-timeout", 40,
            remote=daemon.sip,
        )
        parties.append(caller)
        told = lambda sipp: sipp.messages(folder, sipp.name).exists() and media_ports(sipp, "audio")
        eventually(lambda: told(caller) and told(callee), "an answer")
        talk(ports, reports, [told(caller)[0], told(callee)[0]], every)
        for sipp in (caller, callee):
            sipp.wait(40)
            assert sipp.counts() == (1, 0), f"{sipp.counts()}\n{sipp.errors()}"
        eventually(lambda: len(daemon.rows("cdr.list")) == number + 1, "a CDR")
        newest = max(daemon.rows("cdr.list"), key=lambda cdr: cdr["call"])
        return daemon.rpc_call("cdr.get", {"id": newest["call"]})
    finally:
        for sipp in parties:
            sipp.stop()
        for port in ports + reports:
            port.close()


def talk(ports, reports, to, every):
    """Audio both ways; once a second a sender report of the caller and, half a second later, the callee's word on what
    it was sent."""
    missed = heard = 0
    sent_at = 0
    began = monotonic()
    for number in range(SECONDS * RATE):
        ports[0].send(audio(1 + number, CALLER), to[0])
        ports[1].send(audio(1 + number, CALLEE), to[1])
        if number % RATE == 10:
            ntp = 0xE000_0000 + number
            report = pack("!BBHIQIII", 0x80, 200, 6, CALLER, ntp << 16, number * 160, number, number * 160)
            reports[0].send(report, to[0] + 1)
            sent_at = monotonic()
        if number % RATE == 35:
            heard = 1 + number
            missed = heard // every if every else 0
            delay = int((monotonic() - sent_at) * 65_536)
            # 20 ms of jitter: 160 ticks of 8,000 a second.
            block = pack("!IIIIII", CALLER, (51 << 24 if every else 0) | missed, heard, 160, ntp & 0xFFFF_FFFF, delay)
            reports[1].send(pack("!BBHI", 0x81, 201, 7, CALLEE) + block, to[1] + 1)
        sleep(max(0, began + (number + 1) / RATE - monotonic()))
