"""How loud is a tone in a recording?"""

import wave
from math import cos, log10, pi, sin
from struct import unpack


def samples(path):
    with wave.open(str(path), "rb") as file:
        assert file.getsampwidth() == 2, f"{path}: 16 bit expected"
        data = file.readframes(file.getnframes())
        rate, channels = file.getframerate(), file.getnchannels()
    return unpack(f"<{len(data) // 2}h", data)[::channels], rate


def level(values, rate, hertz):
    """Power of one frequency as a share of all power, in dB: 0 is a pure tone."""
    total = sum(v * v for v in values) / len(values)
    if total == 0:
        return -200.0
    real = sum(v * cos(2 * pi * hertz * n / rate) for n, v in enumerate(values))
    imaginary = sum(v * sin(2 * pi * hertz * n / rate) for n, v in enumerate(values))
    share = 2 * (real * real + imaginary * imaginary) / len(values) ** 2 / total
    return 10 * log10(max(share, 1e-20))


def assert_hears(path, hertz, other):
    """One second from the middle is the one tone and not the other."""
    values, rate = samples(path)
    assert len(values) > rate * 2, f"{path}: only {len(values) / rate:.1f} s heard"
    middle = values[len(values) // 2 :][:rate]
    wanted, unwanted = level(middle, rate, hertz), level(middle, rate, other)
    assert wanted > -1.0, f"{path}: {hertz} Hz at {wanted:.1f} dB of what is heard"
    assert unwanted < -20.0, f"{path}: {other} Hz at {unwanted:.1f} dB of what is heard"
    return wanted


def spells(paths, tones, window=0.25):
    """For how many seconds of some recordings each tone was all that was heard."""
    heard = {}
    for path in paths:
        values, rate = samples(path)
        size = int(rate * window)
        for at in range(0, len(values) - size + 1, size):
            part = values[at : at + size]
            for hertz in tones:
                if level(part, rate, hertz) > -1.0:
                    heard[hertz] = heard.get(hertz, 0) + window
    return heard


# ITU-T Q.23: a key is one of each.
LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
KEYS = ("123A", "456B", "789C", "*0#D")


def keys(path, window=0.02):
    """The keys heard as tones in a recording, in order: both tones at once and little else, for 40 ms and more."""
    values, rate = samples(path)
    size = int(rate * window)
    heard, before, length = [], None, 0
    for at in range(0, len(values) - size + 1, size):
        key = key_of(values[at : at + size], rate)
        length = length + 1 if key == before else 1
        before = key
        if key and length == 2:
            heard.append(key)
    return "".join(heard)


def key_of(values, rate):
    if max(map(abs, values)) < 300:
        return None
    low, high = ({hertz: level(values, rate, hertz) for hertz in tones} for tones in (LOW, HIGH))
    first, second = max(low, key=low.get), max(high, key=high.get)
    share = 10 ** (low[first] / 10) + 10 ** (high[second] / 10)
    return KEYS[LOW.index(first)][HIGH.index(second)] if share > 0.7 and min(low[first], high[second]) > -12 else None
