"""The generator's runs, and what the kernel says of a process."""

import os
import re
import subprocess


class Load:
    """One run of `sipload`; figures by name."""

    def __init__(self, tools, ports, server, **options):
        words = [f"{tools}/sipload", "--server", server.address, "--pid", server.pids]
        caller = options.pop("caller", ports.digest if "user" in options else ports.known)
        callee = options.pop("callee", ports.callee)
        words += ["--uac", f"127.0.0.1:{caller}", "--uas", f"127.0.0.1:{callee}"]
        for name, value in options.items():
            words += [f"--{name.replace('_', '-')}"] + ([] if value is None else [str(value)])
        done = subprocess.run(words, capture_output=True, text=True, timeout=900)
        self.text, self.code = done.stdout + done.stderr, done.returncode

    def figure(self, name):
        """The sum over all processes."""
        found = re.findall(rf"\b{name}=([-0-9.]+)", self.text)
        return sum(map(float, found)) if found else float("nan")

    def one(self, name):
        return float(re.search(rf"\b{name}=([-0-9.]+)", self.text)[1])

    @property
    def failed(self):
        return int(self.one("failed"))

    @property
    def retransmissions(self):
        found = re.search(r"retrans: invite=(\d+) bye=(\d+) 200=(\d+)", self.text)
        return sum(map(int, found.groups())) if found else 0

    def split(self):
        """User and system, from the ticks of the processes."""
        found = re.findall(r"\(user ([0-9.]+) sys ([0-9.]+)\)", self.text)
        return sum(float(user) for user, _ in found), sum(float(system) for _, system in found)


def cpu_s(pid):
    """User and system seconds of a process so far."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def threads_cpu(pid):
    """CPU seconds by thread name."""
    figures = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat") as file:
            head, tail = file.read().rsplit(")", 1)
        name, fields = head.split("(", 1)[1], tail.split()
        figures[name] = figures.get(name, 0) + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return figures


def rss_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return int(re.search(r"^Pss: *(\d+)", file.read(), re.M)[1])
