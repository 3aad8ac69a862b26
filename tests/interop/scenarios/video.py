"""Pictures: from one browser to another, each with DTLS-SRTP of its own for audio and for video; and between baresip
phones with VP8, plain to SDES. Each side decodes what the other one films."""

from scenarios._operator import Operator
from scenarios._talk import REGISTERED
from tandem.baresip import Phone
from tandem.chromium import Browser
from tandem.daemon import Daemon, eventually
from tandem.hearing import assert_hears
from time import sleep

VIDEO = ["vp8.so", "fakevideo.so"]
CAMERA = "video_source fakevideo,nil\nvideo_display fakevideo,nil\nvideo_size 352x288\nvideo_fps 10\n"


def run(binary, folder):
    daemon = Daemon(binary, folder, more=[("wss", "127.0.0.1")]).start()
    try:
        operator = Operator(daemon)
        daemon.create("route", group=operator.group, prefix="1", target={"to": "local_device"})
        daemon.rpc_call("setting.set", {"key": "srtp_keys_in_clear", "value": True})
        phones(daemon, operator, folder)
        frames = browsers(daemon, operator, folder)
        daemon.stop()
        daemon.verify()
        return f"at least {frames} pictures in each browser, and pictures in each phone"
    finally:
        daemon.stop()


def device(daemon, operator, user, **account):
    owner = operator.account(f"owner-{user}", 1_000_000, **account)
    daemon.create("device", account=owner, username=user, password=f"secret-{user}")


def browsers(daemon, operator, folder):
    pair = []
    try:
        for user, hertz in [("1001", 440), ("1002", 1000)]:
            device(daemon, operator, user)
            pair.append(Browser(folder, user, f"secret-{user}", daemon.at("wss"), hertz))
        alice, bob = pair
        for browser in pair:
            browser.film()
        alice.dial("1002")
        for browser in pair:
            browser.wait_for("confirmed")
        eventually(lambda: min(browser.frames() for browser in pair) > 30, "pictures", seconds=30)
        sleep(4)
        frames = [browser.frames() for browser in pair]
        heard = [browser.heard() for browser in pair]
        alice.hang_up()
        bob.wait_for("ended: remote")
        assert_hears(heard[0], 1000, 440)
        assert_hears(heard[1], 440, 1000)
        return min(frames)
    finally:
        for browser in pair:
            browser.stop()


def phones(daemon, operator, folder):
    pair = []
    try:
        keys = {"modules": [*VIDEO, "srtp.so"], "account": ";video_codecs=VP8;mediaenc=srtp-mand", "more": CAMERA}
        plain = {"modules": VIDEO, "account": ";video_codecs=VP8", "more": CAMERA}
        for user, hertz, answer, kind, srtp in [
            ("1003", 440, "manual", keys, "required"), ("1004", 1000, "auto", plain, "off"),
        ]:
            device(daemon, operator, user, srtp=srtp)
            pair.append(Phone(folder, user, f"secret-{user}", daemon.sip, hertz, answer, **kind))
            pair[-1].wait_for(REGISTERED)
        alice, bob = pair
        alice.dial("1004")
        for phone in pair:
            phone.wait_for("Call established")
        for phone in pair:
            phone.wait_for("video: receiving with resolution 352 x 288")
        # What is said in it is measured below.
        sleep(5)
        alice.hang_up()
        bob.wait_for("terminated|Call with .* closed|session closed")
        for phone in pair:
            phone.stop()
        assert_hears(alice.heard(), 1000, 440)
        assert_hears(bob.heard(), 440, 1000)
    finally:
        for phone in pair:
            phone.stop()
