"""A phone in a real browser (JsSIP in headless Chromium, over secure WebSocket): it calls a baresip phone, is called by
one, and calls another browser. Audio is DTLS-SRTP with ICE; the tone is measured both ways each time."""

from scenarios._operator import Operator
from tandem.baresip import Phone
from tandem.chromium import Browser
from tandem.daemon import Daemon, eventually
from tandem.hearing import assert_hears
from time import sleep

TALK = 6


def run(binary, folder):
    daemon = Daemon(binary, folder, more=[("wss", "127.0.0.1")]).start()
    try:
        operator = Operator(daemon)
        daemon.create("route", group=operator.group, prefix="1", target={"to": "local_device"})
        calls = [
            ("browser to phone", Browser, Phone, "audio/PCM"),
            ("phone to browser", Phone, Browser, "audio/PCM"),
            ("browser to browser", Browser, Browser, "audio/opus"),
        ]
        levels = [talk(daemon, operator, folder, number, *call) for number, call in enumerate(calls)]
        daemon.stop()
        daemon.verify()
        return f"{len(calls)} calls, the quietest tone at {min(levels):.2f} dB of all that was heard"
    finally:
        daemon.stop()


def open_phone(daemon, operator, folder, kind, user, hertz, answer):
    account = operator.account(f"owner-{user}", 1_000_000)
    daemon.create("device", account=account, username=user, password=f"secret-{user}")
    if kind is Browser:
        return Browser(folder, user, f"secret-{user}", daemon.at("wss"), hertz)
    phone = Phone(folder, user, f"secret-{user}", daemon.sip, hertz, answer)
    phone.wait_for(r"200 OK|registered successfully|\{\d+/UDP/v4\}")
    return phone


def hold_and_resume(browser):
    """By re-INVITE: nothing comes while on hold, and it comes again."""
    browser.hold()
    browser.wait_for("hold")
    sleep(0.3)
    before = browser.packets()
    sleep(0.5)
    assert browser.packets() - before < 5, "audio while on hold"
    browser.resume()
    browser.wait_for("unhold")
    before = browser.packets()
    eventually(lambda: browser.packets() > before + 25, "audio after the hold")


def talk(daemon, operator, folder, number, name, caller, called, codec):
    phones = []
    try:
        for user, kind, hertz, answer in [(f"1{number}01", caller, 440, "manual"), (f"1{number}02", called, 1000, "auto")]:
            phones.append(open_phone(daemon, operator, folder, kind, user, hertz, answer))
        alice, bob = phones
        alice.dial(bob.user)
        for phone in phones:
            phone.wait_for("confirmed|.*Call established" if isinstance(phone, Browser) else "Call established")
        # What is said in it is measured below.
        sleep(TALK)
        browser = next(phone for phone in phones if isinstance(phone, Browser))
        heard = browser.codec()
        assert heard.startswith(codec), f"{name}: {heard}"
        hold_and_resume(browser)
        alice.hang_up()
        bob.wait_for("ended: remote" if isinstance(bob, Browser) else "terminated|Call with .* closed|session closed")
        eventually(lambda: len(daemon.rows("cdr.list")) == number + 1, "a CDR")
        newest = max(daemon.rows("cdr.list"), key=lambda cdr: cdr["call"])
        assert newest["cause"] == "answered.caller_hangup", newest
        assert newest["money"]["billed_secs"] >= TALK, newest
        detail = daemon.rpc_call("cdr.get", {"id": newest["call"]})
        assert all(detail["media"][side]["packets"] > 50 * (TALK - 1) for side in "ab"), detail["media"]
        recordings = [alice.heard() if isinstance(alice, Browser) else None, bob.heard() if isinstance(bob, Browser) else None]
        for phone in phones:
            phone.stop()
        return min(
            assert_hears(recordings[0] or alice.heard(), 1000, 440), assert_hears(recordings[1] or bob.heard(), 440, 1000)
        )
    except AssertionError as error:
        raise AssertionError(f"{name}: {error}") from error
    finally:
        for phone in phones:
            phone.stop()
