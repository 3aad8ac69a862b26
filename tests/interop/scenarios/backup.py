"""A backup while 20 calls a second run: the copy is right, no call is harmed; a copy that was tampered with is told."""

import shutil
import sqlite3
from pathlib import Path
from scenarios._operator import Operator
from tandem.daemon import Daemon
from tandem.sipp import Sipp

CALLS, RATE, COPIES = 160, 20, 3


def verify(daemon, copy):
    return daemon.command("--data", str(copy.parent), "verify", check=False)


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    terminator = Sipp(folder, "terminator", "terminator")
    try:
        operator = Operator(daemon)
        operator.gateway("terminator", terminator.port)
        account = operator.account("wholesale", 100_000_000)
        operator.source(account)
        caller = Sipp(
            folder, "caller", "caller", "-m", CALLS, "-r", RATE, "-d", 1000, "-s", "9000001", "-timeout", 60,
            remote=daemon.sip,
        )
        copies, taken = [], 0
        while caller.process.poll() is None or not copies:
            copy = Path(folder) / f"copy-{taken}" / "tandem.sqlite"
            copy.parent.mkdir()
            daemon.command("backup", str(copy))
            taken += 1
            copies.append(copy)
            while len(copies) > COPIES:
                shutil.rmtree(copies.pop(0).parent)
        caller.wait(60)
        assert caller.counts() == (CALLS, 0), caller.errors()
        again = daemon.command("backup", str(copies[0]), check=False)
        assert again.returncode == 1 and "exist" in again.stderr, again
        for copy in copies:
            done = verify(daemon, copy)
            assert done.returncode == 0 and "clean" in done.stdout, done
        last = Path(folder) / "last" / "tandem.sqlite"
        last.parent.mkdir()
        daemon.command("backup", str(last))
        daemon.stop()
        daemon.verify()

        # Somebody lowers one charge in a copy: the entry, its account and the call are named.
        with sqlite3.connect(last) as books:
            books.execute("DROP TRIGGER ledger_entry_is_not_updated")
            row = books.execute(
                "SELECT id, account_id, call_id FROM ledger_entry WHERE kind = 'call_charge' ORDER BY id LIMIT 1"
            ).fetchone()
            books.execute("UPDATE ledger_entry SET amount = amount + 1000 WHERE id = ?", row[:1])
        done = verify(daemon, last)
        entry, owner, call = row
        assert done.returncode == 1 and "clean" not in done.stdout, done
        wrong = [line for line in done.stdout.splitlines() if line.startswith("WRONG")]
        assert any("balance_after of entry" in line and f": {entry}," in line for line in wrong), wrong
        assert any("balance of account" in line and f": {owner}," in line for line in wrong), wrong
        assert any("charge of call" in line and f": {call}," in line for line in wrong), wrong

        # And a switch does not start on it.
        shutil.copytree(last.parent, Path(folder) / "tampered")
        refused = daemon.command("--data", str(Path(folder) / "tampered"), "run", check=False)
        assert refused.returncode == 78 and "verify" in refused.stderr, refused
        return f"{taken} backups under {RATE} calls a second, {CALLS} calls unharmed; one changed entry found three ways"
    finally:
        terminator.stop()
        daemon.stop()
