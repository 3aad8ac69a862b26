"""An account at somebody else's switch: registered there with digest, calls out and in through it, to numbers that ring a
phone or go on, its registrar dies and comes back, and at the end the registration is taken back."""

from scenarios._operator import Operator
from tandem.baresip import Phone
from tandem.daemon import Daemon, eventually
from tandem.kamailio import Kamailio
from tandem.sipp import Sipp, free_port

CALLS = 5


def run(binary, folder):
    daemon = Daemon(binary, folder).start()
    far = Sipp(folder, "far", "terminator")
    near = Sipp(folder, "near", "terminator")
    registrar = Kamailio(
        folder, free_port(), user="u1", password="secret", switch=daemon.port, far=far.port
    ).start()
    phone = None
    try:
        operator = Operator(daemon)
        watched = {"interval_s": 5, "fails_to_down": 2, "answers_to_up": 1}
        carrier = daemon.create(
            "gateway", name="carrier", hosts=[{"host": "127.0.0.1", "port": registrar.port}], currency="EUR",
            cost_tariff=operator.cost, health=watched,
        )
        daemon.create("rate", tariff=operator.cost, prefix="1", price="0.01")
        operator.gateway("phones", near.port, prefix="1")
        account = operator.account("wholesale", 10_000_000)
        operator.source(account)
        did = operator.account("did", 10_000_000)
        upstream = daemon.create(
            "upstream", name="line", gateway=carrier, registrar="carrier.test", username="u1",
            auth={"password": "secret"}, expires_s=60, keep_alive_s=20, inbound={"account": did, "reach": "anywhere"},
        )
        daemon.create(
            "route", group=operator.group, prefix="9", target={"to": "upstream", "upstream": upstream}
        )

        daemon.create("rate", tariff=operator.sell, prefix="4", price="0.60")
        free = daemon.create("tariff", name="calls in", currency="EUR")
        daemon.create("rate", tariff=free, prefix="", price="0")
        owner = operator.account("owner", 10_000_000)
        daemon.create("device", account=owner, username="2001", password="2001-secret")
        phone = Phone(folder, "2001", "2001-secret", daemon.sip, 440)
        source = {"upstream": upstream}
        daemon.create("did", number="4930100", account=owner, source=source, tariff=free)
        forward = {"to": "forward", "number": "1000"}
        daemon.create("did", number="4930101", account=owner, source=source, target=forward, max_calls=2 * CALLS)
        refuse = {"to": "refuse", "status": 410, "reason": "Gone"}
        daemon.create("did", number="4930102", account=owner, source=source, target=refuse)

        def status():
            [row] = daemon.rpc_call("upstream.status")
            return row

        def alerts():
            return [row["kind"] for row in daemon.rows("alert.list")]

        eventually(lambda: status()["registered_until"], "the registration")

        def calls(name, number, remote, count=CALLS, refused=0):
            caller = Sipp(
                folder, name, "caller", "-m", count, "-r", 5, "-d", 1200, "-s", number, "-timeout", 60, remote=remote,
            ).wait(90)
            assert caller.counts() == (count - refused, refused), caller.errors()

        calls("out", "9000001", daemon.sip)
        calls("in", "1000", f"127.0.0.1:{registrar.port}")
        cdrs = daemon.rows("cdr.list")
        out = [cdr for cdr in cdrs if cdr["account"] == account]
        taken = [cdr for cdr in cdrs if cdr["account"] == did]
        assert len(out) == CALLS and all(cdr["gateway"] == carrier for cdr in out), cdrs
        assert len(taken) == CALLS and all(cdr["numbers"]["dialled"] == "1000" for cdr in taken), cdrs
        assert len(registrar.lines("OUT as u1 to 9000001")) == CALLS
        assert daemon.balance(did)["balance"] < 10_000_000

        eventually(lambda: len(daemon.rows("registration.list")) == 1, "the phone")
        inwards = f"127.0.0.1:{registrar.port}"
        calls("ringing", "4930100", inwards, count=1)
        assert daemon.balance(owner)["balance"] == 10_000_000, "calls to its phones are free"
        calls("forwarded", "4930101", inwards)
        calls("refused", "4930102", inwards, count=1, refused=1)
        cdrs = [cdr for cdr in daemon.rows("cdr.list") if cdr["account"] == owner]
        rung, sent, gone = [
            [cdr for cdr in cdrs if cdr["numbers"]["dialled"] == number] for number in ["4930100", "4930101", "4930102"]
        ]
        assert [cdr["callee_account"] for cdr in rung] == [owner], rung
        assert len(sent) == CALLS and all(cdr["numbers"]["sent"] == "1000" for cdr in sent), sent
        assert [cdr["cause"] for cdr in gone] == ["refused.by_did"], gone
        assert daemon.balance(owner)["balance"] < 10_000_000, "what is sent on is paid"

        registrar.stop()
        eventually(lambda: "gateway_down" in alerts(), "an alert of the gateway", 40)
        eventually(lambda: "upstream_down" in alerts(), "an alert of the registration", 90)
        assert not status()["registered_until"]
        registrar.start()
        eventually(lambda: status()["registered_until"], "the registration again", 90)
        assert {"gateway_up", "upstream_up"} <= set(alerts()), alerts()

        daemon.stop()
        daemon.verify()
        assert registrar.lines("REGISTERED u1 expires 0"), "it is taken back"
        return f"{CALLS} calls out and {CALLS} in, a number rung and one sent on; down and up again"
    finally:
        if phone:
            phone.stop()
        daemon.stop()
        registrar.stop()
        far.stop()
        near.stop()
