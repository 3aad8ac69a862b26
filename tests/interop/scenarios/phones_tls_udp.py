"""A phone over TLS calls one over UDP: they hear each other."""

from scenarios._talk import talk_once


def run(binary, folder):
    return talk_once(
        binary, folder, ("tls", "127.0.0.1"), ("udp", "127.0.0.1"), more=[("tls", "127.0.0.1")]
    )
