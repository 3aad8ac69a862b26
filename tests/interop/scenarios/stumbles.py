"""What an operator stumbles over: each time a message that names the thing and the remedy, the exit code of the
manual, and no harm done. A full disk refuses new calls until there is room again."""

import os
import shutil
import socket
import sqlite3
import subprocess
from pathlib import Path
from scenarios._operator import Operator
from tandem.daemon import Daemon, eventually
from tandem.sipp import Sipp

FAILED, SOMEBODY_HAS_TO_ACT = 1, 78
NOBODY = 65534


def told(daemon, code, *words, data=None, **options):
    """A start that fails, as it should."""
    place = ["--data", str(data)] if data else []
    done = subprocess.run(
        [daemon.binary, "--config", str(daemon.config), *place], capture_output=True, text=True, timeout=60, **options
    )
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert all(word in done.stderr for word in words), (words, done.stderr)
    assert "panicked" not in done.stderr, done.stderr


def spoilt(daemon, folder, name, spoil):
    """A copy of the data folder with something done to its database."""
    copy = Path(folder) / name
    shutil.copytree(daemon.data, copy)
    spoil(copy / "tandem.sqlite")
    return copy


def sql(*statements):
    def spoil(path):
        with sqlite3.connect(path) as books:
            for statement in statements:
                books.execute(statement)

    return spoil


def overwrite(begin, length):
    def spoil(path):
        with open(path, "r+b") as file:
            file.seek(begin)
            file.write(b"\xa5" * length)

    return spoil


def full_disk(binary, folder):
    """Calls on a disk that fills up, with the log on it too; None where nothing may be mounted."""
    disk = Path(folder) / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tandem-test", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        return None
    terminator = Sipp(folder, "terminator", "terminator")
    daemon = Daemon(binary, str(disk))
    try:
        daemon.start()
        operator = Operator(daemon)
        operator.gateway("terminator", terminator.port)
        account = operator.account("wholesale", 100_000_000)
        operator.source(account)

        def calls(name, count):
            caller = Sipp(
                folder, name, "caller", "-m", count, "-r", 20, "-d", 200, "-s", "9000001", "-timeout", 40,
                remote=daemon.sip,
            )
            return caller.wait(60).counts()

        assert calls("before", 10) == (10, 0)
        with open(disk / "ballast", "wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError:
                pass
        good, bad = calls("full", 300)
        assert good + bad == 300 and bad > 0, f"{good} good, {bad} refused on a full disk"
        (disk / "ballast").unlink()
        eventually(lambda: calls(f"after-{os.urandom(4).hex()}", 5) == (5, 0), "calls again once there is room", 60)
        daemon.stop()
        daemon.verify()
        daemon.start()
        cdrs = daemon.rows("cdr.list")
        answered = sum(cdr["times"]["answered_at"] is not None for cdr in cdrs)
        assert answered >= 10 + good + 5, (answered, good)
        daemon.stop()
        daemon.verify()
        return f"{bad} calls refused on a full disk, {good} had been let in before, all booked"
    finally:
        terminator.stop()
        daemon.stop()
        subprocess.run(["umount", "-l", str(disk)], check=True)


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    Operator(daemon).account("alice", 1_000_000)
    # Another switch on the same folder; another program on a port.
    told(daemon, FAILED, "in use", "ss -ltunp")
    free = daemon.config.read_text().replace(daemon.sip, "127.0.0.1:0").replace(daemon.at("tcp"), "127.0.0.1:0")
    daemon.config.write_text(free)
    told(daemon, FAILED, "in use by another tandem-switch", "stop it first")
    daemon.stop()
    with socket.create_server(("127.0.0.1", int(daemon.rpc.rsplit(":", 1)[1]))):
        told(daemon, FAILED, "rpc.address", daemon.rpc, "ss -ltunp")
    daemon.config.write_text(free.replace("127.0.0.1:0", "192.0.2.77:5060", 1))
    told(daemon, FAILED, "192.0.2.77", "ip address")
    daemon.config.write_text(free + "[medai]\nthreads = 70000\n")
    told(daemon, SOMEBODY_HAS_TO_ACT, "medai")
    daemon.config.write_text(free)
    # Folders.
    told(daemon, SOMEBODY_HAS_TO_ACT, "data folder /dev/null/data", "--data", data="/dev/null/data")
    if os.getuid() == 0:
        os.chmod(folder, 0o755)
        mine = Path(folder) / "mine"
        mine.mkdir(mode=0o755)
        public = shutil.copy(binary, mine / "tandem-switch")
        as_nobody = Daemon.__new__(Daemon)
        as_nobody.binary, as_nobody.config = public, daemon.config
        told(as_nobody, SOMEBODY_HAS_TO_ACT, "Permission denied", "chown", data=mine, user=NOBODY)
    # Databases.
    told(daemon, SOMEBODY_HAS_TO_ACT, "schema 99", "newer", data=spoilt(daemon, folder, "newer", sql("PRAGMA user_version = 99")))
    told(
        daemon, SOMEBODY_HAS_TO_ACT, "not a Tandem database",
        data=spoilt(daemon, folder, "foreign", sql("PRAGMA application_id = 7")),
    )
    told(daemon, SOMEBODY_HAS_TO_ACT, "not a database", "backup", data=spoilt(daemon, folder, "header", overwrite(0, 100)))
    told(
        daemon, SOMEBODY_HAS_TO_ACT, "malformed", "backup",
        data=spoilt(daemon, folder, "pages", lambda path: overwrite(4096, path.stat().st_size - 4096)(path)),
    )
    # The clock was put back: it starts, and says so.
    day = 86_400_000
    ahead = spoilt(daemon, folder, "ahead", sql(f"UPDATE heartbeat SET at = at + {day}"))
    daemon.config.write_text(free.replace(str(daemon.data), str(ahead)))
    daemon.start()
    eventually(lambda: "the clock is behind" in (Path(folder) / "switch.log").read_text(), "the clock is told")
    daemon.stop()
    full = full_disk(binary, folder)
    return f"14 ways to stumble; {full or 'no right to mount: a full disk was not tried'}"
