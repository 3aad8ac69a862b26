"""Two phones over IPv6 hear each other through the relay."""

from scenarios._talk import talk_once


def run(binary, folder):
    return talk_once(binary, folder, ("udp", "::1"), ("udp", "::1"), more=[("udp", "[::1]")])
