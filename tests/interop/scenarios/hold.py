"""Hold and resume through the relay."""

from scenarios import direct


def run(binary, folder):
    return direct.run(binary, folder, media="relay")
