"""A screen without a monitor (Xvfb) and the manager's window on it, worked by keyboard and mouse."""

import os
import re
import subprocess
import time
from pathlib import Path

PATIENCE = 60


def until(what, holds, patience=PATIENCE):
    """Waits for it; says what was waited for."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(0.2)
    raise AssertionError(f"not within {patience} s: {what}")


class Screen:
    """A display of its own, on a free number."""

    def __init__(self, width, height):
        read, write = os.pipe()
        self.server = subprocess.Popen(
            # Without -noreset it starts anew whenever its last client leaves, and refuses those that come meanwhile.
            ["Xvfb", "-noreset", "-displayfd", str(write), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"],
            pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as number:
            self.display = f":{number.readline().strip()}"
        assert self.display != ":", "Xvfb did not start"

    def run(self, *words):
        environment = dict(os.environ, DISPLAY=self.display)
        return subprocess.run(words, capture_output=True, text=True, timeout=30, env=environment)

    def key(self, *keys):
        for key in keys:
            self.run("xdotool", "key", key)
            # A frame, so that each key finds the focus where the last one put it.
            time.sleep(0.15)

    def type(self, text):
        self.run("xdotool", "type", "--delay", "20", text)
        time.sleep(0.15)

    def colours(self, window, picture):
        """How many colours the window shows; the picture is kept."""
        self.run("import", "-window", window, str(picture))
        found = self.run("identify", "-format", "%k", str(picture)).stdout.strip()
        return int(found) if found.isdigit() else 0

    def stop(self):
        self.server.terminate()
        self.server.wait(timeout=30)


class Manager:
    """The manager's process, with a home of its own."""

    def __init__(self, binary, folder, screen):
        self.screen, self.log = screen, Path(folder) / "switch.log"
        home = Path(folder) / "home"
        home.mkdir(mode=0o700)
        environment = dict(
            os.environ, DISPLAY=screen.display, HOME=str(home), XDG_RUNTIME_DIR=str(home),
            XDG_DATA_HOME=str(home), LIBGL_ALWAYS_SOFTWARE="1",
        )
        environment.pop("WAYLAND_DISPLAY", None)
        self.output = open(self.log, "ab")
        self.process = subprocess.Popen([binary], stdout=self.output, stderr=self.output, env=environment)
        self.window = until("the window", self._find)

    def _find(self):
        assert self.process.poll() is None, f"the manager ended with {self.process.returncode}"
        found = self.screen.run("xdotool", "search", "--name", "^Tandem Manager").stdout.split()
        return found[-1] if found else None

    def focus(self):
        """Gives it the keyboard: there is no window manager that would."""
        self.screen.run("xdotool", "windowfocus", "--sync", self.window)

    def ticks(self):
        """Clock ticks of processor time used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def title(self):
        return self.screen.run("xdotool", "getwindowname", self.window).stdout.strip()

    def assert_sound(self):
        assert self.process.poll() is None, f"the manager ended with {self.process.returncode}"
        said = self.log.read_text(errors="replace")
        assert not re.search(r"panicked|RUST_BACKTRACE", said), said[-3000:]

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=30)
        self.output.close()
