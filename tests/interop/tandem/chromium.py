"""A headless Chromium with a JsSIP phone in it: a tone is its microphone, what it hears comes back as a file."""

import asyncio
import base64
import json
import re
import subprocess
import threading
import time
import urllib.request
import wave
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import websockets
from tandem.baresip import tone

PAGES = Path(__file__).resolve().parent.parent / "web"
RATE = 16_000


async def connect(target):
    # Between two questions nobody here answers pings.
    return await websockets.connect(target, max_size=None, ping_interval=None)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Browser:
    """One Chromium of its own profile, driven over its debugging port."""

    def __init__(self, folder, user, password, switch, hertz):
        self.folder = Path(folder) / f"browser-{user}"
        self.folder.mkdir()
        self.user = user
        self.process = self.socket = None
        self.loop = asyncio.new_event_loop()
        self.asked = 0
        tone(self.folder / "tone.wav", hertz, seconds=30, rate=48_000)
        self.pages = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=PAGES))
        threading.Thread(target=self.pages.serve_forever, daemon=True).start()
        try:
            self._open()
            self.run(f"register({switch!r}, {user!r}, {password!r})")
            self.wait_for("registered")
        except BaseException:
            self.stop()
            raise

    def _open(self):
        page = f"http://127.0.0.1:{self.pages.server_port}/phone.html"
        self.log = open(self.folder / "chromium.log", "w+b")
        self.process = subprocess.Popen(
            [
                "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--remote-debugging-port=0", f"--user-data-dir={self.folder}/profile", "--ignore-certificate-errors",
                "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-audio-capture={self.folder}/tone.wav", "--autoplay-policy=no-user-gesture-required",
                # The switch is on loopback here.
                "--allow-loopback-in-peer-connection", page,
            ],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
        )
        at = self._eventually(lambda: re.search(r"DevTools listening on ws://(\S+?)/", self.text()), "debugging port")[1]
        target = self._eventually(lambda: self._target(at), "page")
        self.socket = self.loop.run_until_complete(connect(target))
        self._eventually(lambda: self.run("document.readyState") == "complete" and self.run("typeof dial") == "function", "page loaded")

    def _target(self, at):
        with urllib.request.urlopen(f"http://{at}/json/list", timeout=10) as answer:
            found = [each for each in json.load(answer) if each["type"] == "page" and "phone.html" in each["url"]]
        return found[0]["webSocketDebuggerUrl"] if found else None

    def _eventually(self, holds, what, seconds=30):
        end = time.monotonic() + seconds
        while not (found := holds()):
            assert self.process.poll() is None and time.monotonic() < end, f"no {what}:\n{self.text()[-3000:]}"
            time.sleep(0.05)
        return found

    def text(self):
        return (self.folder / "chromium.log").read_text(errors="replace")

    def run(self, script):
        """Evaluates in the page; returns its value, or fails with its exception."""
        return self.loop.run_until_complete(asyncio.wait_for(self._run(script), 60))

    async def _run(self, script):
        self.asked += 1
        parameters = {"expression": script, "awaitPromise": True, "returnByValue": True, "userGesture": True}
        await self.socket.send(json.dumps({"id": self.asked, "method": "Runtime.evaluate", "params": parameters}))
        while True:
            answer = json.loads(await self.socket.recv())
            if answer.get("id") == self.asked:
                result = answer["result"]
                assert "exceptionDetails" not in result, result
                return result["result"].get("value")

    def dial(self, number):
        self.run(f"dial({number!r})")

    def hang_up(self):
        self.run("phone.session.terminate()")

    def hold(self):
        self.run("phone.session.hold()")

    def resume(self):
        self.run("phone.session.unhold()")

    def codec(self):
        return self.run("codec()")

    def packets(self):
        """Audio packets received so far."""
        return self.run("packets()")

    def film(self):
        """Its calls have pictures from now on."""
        self.run("film()")

    def frames(self):
        """Pictures decoded so far."""
        return self.run("frames()")

    def wait_for(self, pattern, seconds=20):
        """Until the page notes it."""
        end = time.monotonic() + seconds
        while not any(re.match(pattern, event) for event in self.run("phone.events")):
            events = self.run("phone.events")
            assert not any("fail" in event for event in events), f"{self.user}: {events}"
            assert time.monotonic() < end, f"{self.user}: never {pattern!r}, but {events}"
            time.sleep(0.05)

    def heard(self):
        """The file of what came from the far end."""
        path = self.folder / "heard.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(base64.b64decode(self.run("recording()")))
        return path

    def stop(self):
        """Once or more often."""
        if self.socket:
            self.loop.run_until_complete(self.socket.close())
            self.socket = None
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.pages:
            self.pages.shutdown()
            self.pages.server_close()
            self.pages = None
            self.loop.close()
