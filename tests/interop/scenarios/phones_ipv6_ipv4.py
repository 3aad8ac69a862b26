"""A phone over IPv6 calls one over IPv4: the relay carries audio between the families."""

from scenarios._talk import talk_once


def run(binary, folder):
    return talk_once(binary, folder, ("udp", "::1"), ("udp", "127.0.0.1"), more=[("udp", "[::1]")])
