"""The manager's real window on a demo switch: it draws, logs in by keyboard alone, shows calls, idles when idle."""

import re
import subprocess
import threading
import time
from pathlib import Path
from tandem.screen import Manager, Screen, until

# A window that drew has text in many shades; one that did not has the ground's colour alone.
DRAWN = 60
# Of 100 a second, over IDLE seconds of a window in which nothing changes.
IDLE, IDLE_TICKS = 5, 15


def demo(binary, folder):
    process = subprocess.Popen(
        [binary, "--data", f"{folder}/demo", "demo", "--seconds", "180"], stdout=subprocess.PIPE, text=True
    )
    words = {}
    for line in process.stdout:
        if match := re.match(r"\s+(server|log-in|password)\s+(\S+)$", line):
            words[match[1]] = match[2]
        if len(words) == 3:
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return process, words["server"], words["log-in"], words["password"]
    raise AssertionError("the demo did not start")


def run(binary, folder):
    switch, address, login, password = demo(binary, folder)
    screen = Screen(1400, 900)
    manager = None
    try:
        manager = Manager(str(Path(binary).resolve().with_name("tandem-manager")), folder, screen)
        picture = Path(folder) / "window.png"
        until("the connection window", lambda: screen.colours(manager.window, picture) >= DRAWN)
        # The last frames of opening.
        time.sleep(2)
        before = manager.ticks()
        time.sleep(IDLE)
        idle = manager.ticks() - before
        assert idle <= IDLE_TICKS, f"{idle} ticks in {IDLE} s with nothing to do"

        manager.focus()
        time.sleep(1)
        # The address has the keyboard at first; Enter connects.
        for text in [address, login]:
            screen.type(text)
            screen.key("Tab")
        screen.type(password)
        screen.key("Return")
        asked = until("the question about the certificate", lambda: "Is this your switch?" in manager.title())
        assert asked
        # From Cancel, which has the keyboard, to Trust.
        screen.key("shift+Tab", "space")
        until("the log-in", lambda: f"{login}@{address}" in manager.title())
        colours = until("the main window", lambda: max(screen.colours(manager.window, picture) - DRAWN, 0))
        manager.assert_sound()
        return f"{colours + DRAWN} colours, {idle} ticks of processor time in {IDLE} s idle"
    finally:
        if manager:
            manager.stop()
        screen.stop()
        switch.terminate()
        switch.wait(timeout=60)
