"""A call that becomes a fax: T.38 offered within the call (SIPp) and taken, UDPTL packets counted both ways and byte for
byte; and the same refused with 488, after which the audio goes on as before."""

from scenarios._operator import Operator
from tandem.daemon import Daemon, eventually
from tandem.packets import Port, audio, media_ports
from tandem.sipp import Sipp
from time import sleep

PACKETS = 100
TALK_MS = 6_000


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    try:
        operator = Operator(daemon)
        account = operator.account("wholesale", 100_000_000)
        operator.source(account)
        figures = [one(daemon, operator, folder, number, taken) for number, taken in enumerate([True, False])]
        daemon.stop()
        daemon.verify()
        return "; ".join(figures)
    finally:
        daemon.stop()


def sipp(folder, name, scenario, ports, *options, **more):
    keys = [word for key, port in ports.items() for word in ("-key", key, port.port)]
    return Sipp(
        folder, name, scenario, "-m", 1, "-trace_msg", "-message_file", Sipp.messages(folder, name), *keys, *options, **more
    )


def one(daemon, operator, folder, number, taken):
    ends = [{"audio_port": Port(), "fax_port": Port()} for _ in range(2)]
    parties = []
    try:
        callee = sipp(folder, f"callee{number}", "fax_callee" if taken else "fax_refuser", ends[1])
        parties.append(callee)
        operator.gateway(f"callee{number}", callee.port, prefix=f"90{number}")
        caller = sipp(
            folder, f"caller{number}", "fax_caller", ends[0], "-d", TALK_MS, "-s", f"90{number}0001", "-timeout", 30, remote=daemon.sip,
        )
        parties.append(caller)
        eventually(lambda: written(caller) and media_ports(caller, "audio"), "an answer")
        if taken:
            eventually(lambda: media_ports(caller, "image"), "T.38 taken")
            figures = fax(ends, [media_ports(party, "image")[-1] for party in (caller, callee)])
        else:
            eventually(lambda: "SIP/2.0 488" in caller.messages(folder, caller.name).read_text(), "T.38 refused")
            figures = talk(ends, [media_ports(party, "audio")[0] for party in (caller, callee)])
        for party in (caller, callee):
            party.wait(30)
            assert party.counts() == (1, 0), f"{party.counts()}\n{party.errors()}"
        eventually(lambda: len(daemon.rows("cdr.list")) == number + 1, "a CDR")
        newest = max(daemon.rows("cdr.list"), key=lambda cdr: cdr["call"])
        assert newest["cause"] == "answered.caller_hangup", newest
        assert newest["codec"] == ("t38" if taken else "pcmu"), newest
        return figures
    finally:
        for party in parties:
            party.stop()
        for end in ends:
            for port in end.values():
                port.close()


def written(party):
    return party.messages(party.folder, party.name).exists()


def exchange(ports, to, packet_of):
    """Packets from both ends to the switch; what came at the other end is what was sent."""
    sent = [[packet_of(side, number) for number in range(PACKETS)] for side in range(2)]
    before = [len(port.came) for port in ports]
    for number in range(PACKETS):
        for side in range(2):
            ports[side].send(sent[side][number], to[side])
        sleep(0.02)
    eventually(lambda: all(len(port.came) - had >= PACKETS for port, had in zip(ports, before)), f"{PACKETS} packets")
    for side in range(2):
        assert ports[1 - side].packets()[before[1 - side] :] == sent[side], f"from end {side}"


def fax(ends, to):
    # UDPTL: a number, then a primary packet of any bytes and no repairs (ITU-T T.38 section 9.1).
    packets = lambda side, number: bytes([number >> 8, number & 255, 4, side, number & 255, 7, 7, 0, 0])
    exchange([end["fax_port"] for end in ends], to, packets)
    return f"{2 * PACKETS} UDPTL packets byte for byte"


def talk(ends, to):
    exchange([end["audio_port"] for end in ends], to, lambda side, number: audio(1 + number, 70 + side))
    assert not any(end["fax_port"].came for end in ends), "nothing comes where a fax was refused"
    return f"{2 * PACKETS} packets of audio after the refusal"
