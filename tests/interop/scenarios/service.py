"""What a service manager is told by the protocol of sd_notify(3): ready, still alive, reloading, stopping."""

import signal
import socket
from pathlib import Path
from tandem.daemon import Daemon


def run(binary, folder):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(Path(folder) / "notify"))
    manager.settimeout(20)

    def told(word):
        """Everything up to the message that has this word."""
        while word not in (message := manager.recv(4096).decode().split("\n")):
            pass
        return message

    daemon = Daemon(binary, folder).start(NOTIFY_SOCKET=str(Path(folder) / "notify"))
    try:
        told("READY=1")
        told("WATCHDOG=1")
        daemon.process.send_signal(signal.SIGHUP)
        assert any(word.startswith("MONOTONIC_USEC=") for word in told("RELOADING=1"))
        told("READY=1")
        daemon.process.send_signal(signal.SIGTERM)
        assert "EXTEND_TIMEOUT_USEC=32000000" in told("STOPPING=1")
        assert daemon.process.wait(timeout=20) == 0
        return "ready, alive, reloading, stopping"
    finally:
        daemon.stop()
        manager.close()
