"""The commands as scripts use them: `check` says all faults at once, `admin`, `rpc` with its exit codes, standard input
and pins, `decide` in order with faults named; every --help has its format."""

import json
import os
import subprocess
from pathlib import Path
from tandem.daemon import PASSWORD, Daemon

REFUSED, NO_SWITCH, BAD_WORDS, CONFIG = 1, 3, 2, 78


def ends(done, code, *words):
    said = done.stdout + done.stderr
    assert done.returncode == code, (done.args, done.returncode, said)
    assert all(word in said for word in words), (words, said)
    assert "panicked" not in said, said
    return done


def check(daemon):
    good = daemon.config.read_text()
    ends(daemon.command("check", check=False), 0, "sound", str(daemon.data))
    daemon.config.write_text(
        'data = ""\n[[listen]]\ntransport = "udp"\naddress = "127.0.0.1:10002"\nadvertised = "::1"\n'
        "[media]\nfirst_port = 80\nlast_port = 81\n[limits]\nmax_calls = 0\n[log]\nfilter = \"=,=\"\n"
    )
    ends(
        daemon.command("check", check=False), CONFIG, "data:", "listen[0].advertised:", "media.first_port:",
        "media.last_port:", "limits.max_calls:", "log.filter:",
    )
    daemon.config.write_text("[limits]\nmax_calls = many\n")
    ends(daemon.command("check", check=False), CONFIG, "line 2", "max_calls")
    daemon.config.unlink()
    ends(daemon.command("check", check=False), CONFIG, "switch.toml", "No such file")
    daemon.config.write_text(good)
    ends(daemon.command("chekc", check=False), BAD_WORDS, "chekc")


def admin(daemon):
    ends(daemon.command("admin", "create", "admin", check=False), REFUSED, "exists", "admin reset")
    ends(daemon.command("admin", "reset", "nobody", check=False), REFUSED, "nobody", "admin create")
    ends(daemon.command("admin", "create", "short", "--password", "short", check=False), REFUSED, "password")
    made = ends(daemon.command("admin", "create", "second", check=False), 0, "second").stdout
    return made.strip().rsplit(" ", 1)[1]


def rpc(daemon, second):
    ends(daemon.command("admin", "create", "third", check=False), REFUSED, "in use by another tandem-switch")
    words = [daemon.binary, "--config", str(daemon.config), "rpc", "--server", daemon.rpc]

    def call(*more, password=PASSWORD, text=None):
        environment = dict(os.environ, TANDEM_PASSWORD=password)
        return subprocess.run([*words, *more], capture_output=True, text=True, input=text, env=environment, timeout=60)

    assert "version" in json.loads(ends(call("system.info"), 0).stdout)
    assert json.loads(ends(call("--user", "second", "system.info", password=second), 0).stdout)
    filtered = {"filter": [{"field": "name", "op": "eq", "value": "second"}]}
    listed = json.loads(ends(call("login.list", "-", text=json.dumps(filtered)), 0).stdout)
    assert [row["edit"]["name"] for row in listed["rows"]] == ["second"], listed
    discovered = json.loads(ends(call("rpc.discover"), 0).stdout)
    assert len(discovered["methods"]) > 50
    ends(call("system.nonsense"), REFUSED, "system.nonsense")
    ends(call("account.get", '{"id": 77}'), REFUSED, "account.get: not_found")
    ends(call("account.create", '{"edit": {"login": "x", "kind": "common", "currency": "EURO"}}'), REFUSED, "currency")
    ends(call("account.list", "{"), REFUSED, "parameters")
    ends(call("account.list", "-", text="{"), REFUSED, "line 1")
    ends(call("system.info", password="wrong password"), REFUSED, "bad_credentials")
    ends(call("--pin", ":".join(["00"] * 32), "system.info"), NO_SWITCH, daemon.fingerprint)
    ends(call("--pin", daemon.fingerprint.lower(), "system.info"), 0)
    words[-1] = "127.0.0.1:1"
    ends(call("system.info"), NO_SWITCH, "is the switch running")
    environment = {name: value for name, value in os.environ.items() if name != "TANDEM_PASSWORD"}
    ends(subprocess.run([*words, "system.info"], capture_output=True, text=True, env=environment), BAD_WORDS, "--password")


def decide(binary):
    directory = {
        "tariffs": [{"id": 1, "name": "t", "currency": "EUR", "rates": [{"id": 1, "prefix": "1", "price": "0"}, {"id": 2, "prefix": "44", "price": "0.05"}]}],
        "accounts": [{"id": 1, "login": "alice", "currency": "EUR", "tariff": 1, "routing_group": 1}],
        "devices": [{"username": "bob", "account": 1, "extension": "1002", "password": "secret"}],
        "gateways": [{"id": 1, "name": "berlin", "hosts": ["192.0.2.1:5060"], "currency": "EUR"}],
        "groups": [{"id": 1, "name": "g", "routes": [
            {"id": 1, "prefix": "44", "target": {"gateway": 1}}, {"id": 2, "prefix": "10", "target": "local_device"},
        ]}],
    }
    case = {"account": 1, "caller": "100", "dialled": "4420", "at": "2026-01-07T12:00:00Z"}

    def asked(document):
        return subprocess.run([binary, "decide"], input=json.dumps(document), capture_output=True, text=True, timeout=120)

    cases = [case, dict(case, dialled="bob"), dict(case, dialled="33"), {"caller": "1", "dialled": "1", "at": 0, "source": "192.0.2.9:5060"}]
    done = ends(asked({"directory": directory, "cases": cases * 2_500}), 0)
    results = json.loads(done.stdout)["results"]
    assert [r["outcome"] for r in results] == ["admitted", "admitted", "refused", "challenge"] * 2_500
    assert results[1]["rating_number"] == "1002" and results[1]["candidates"][0]["target"] == "bob", results[1]
    assert results[2]["code"] == "refused.no_rate", results[2]
    ends(asked({"directory": directory, "cases": [case, dict(case, dialed="1")]}), REFUSED, "cases[1]", "dialed")
    ends(asked({"directory": directory, "cases": [case, dict(case, at="noon")]}), REFUSED, "cases[1].at", "noon")
    ends(asked({"directory": dict(directory, acounts=[]), "cases": []}), REFUSED, "directory", "acounts")
    broken = dict(directory, gateways=[], groups=[{"id": 1, "name": "g", "routes": [
        {"id": 1, "prefix": "44", "target": {"gateway": 1}}, {"id": 2, "prefix": "44", "target": {"account": 9}},
    ]}])
    ends(asked({"directory": broken, "cases": []}), REFUSED, "no gateway 1", "no account 9")
    faulty = dict(directory, tariffs=[dict(directory["tariffs"][0], time_zone="Nowhere")], groups=[
        {"id": 1, "name": "g", "routes": [{"id": 1, "prefix": "44", "target": {"gateway": 1}, "time_zone": "Berlin"}]}
    ])
    ends(asked({"directory": faulty, "cases": []}), REFUSED, "Nowhere", "Berlin")


def run(binary, folder):
    binary = str(Path(binary).resolve())
    daemon = Daemon(binary, folder)
    check(daemon)
    second = admin(daemon)
    daemon.start()
    try:
        rpc(daemon, second)
    finally:
        daemon.stop()
    decide(binary)
    for command, words in [("rate", ["free_seconds", "OUTPUT", "EXAMPLE"]), ("decide", ["routes", "OUTPUT"]), ("rpc", ["--pin", "standard input"])]:
        done = subprocess.run([binary, command, "--help"], capture_output=True, text=True)
        ends(done, 0, *words)
    return "check, admin, rpc and decide end as the manual says; 10,000 decisions in order"
