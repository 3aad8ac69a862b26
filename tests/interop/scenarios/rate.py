"""`rate` against a model of rating.md written anew, in exact fractions and second by second: a few thousand random
cases over random tariffs, every field drawn; then its manners: order, speed, faults that name case and field."""

import json
import subprocess
import time
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
PREFIXES = ["", "4", "44", "447", "49", "1"]
# Around the change to summer time in Berlin, 2026-03-29 01:00 UTC.
BEGIN = datetime(2026, 3, 28, 12, tzinfo=timezone.utc)
ALWAYS = {"from_day": 0, "to_day": 6, "from_minute": 0, "to_minute": 1440, "holiday": False}


def run_rate(binary, document):
    return subprocess.run([binary, "rate"], input=json.dumps(document), capture_output=True, text=True, timeout=120)


def amount(random, most, decimals):
    return f"{random.randrange(most * 10**decimals + 1) / 10**decimals:.{decimals}f}"


def maybe(random, fields, name, value, chance=0.3):
    if random.random() < chance:
        fields[name] = value()


def terms(random):
    fields = {}
    maybe(random, fields, "initial", lambda: random.choice([1, 6, 30, 60]))
    maybe(random, fields, "increment", lambda: random.choice([1, 6, 7, 30, 60]), 0.6)
    maybe(random, fields, "grace_period", lambda: random.randrange(10), 0.2)
    maybe(random, fields, "free_seconds", lambda: random.randrange(70), 0.2)
    maybe(random, fields, "multiplier", lambda: amount(random, 3, 2), 0.2)
    maybe(random, fields, "addition", lambda: amount(random, 1, 4), 0.2)
    maybe(random, fields, "connect_fee", lambda: amount(random, 1, 3))
    maybe(random, fields, "surcharge_time", lambda: random.randrange(200), 0.2)
    maybe(random, fields, "surcharge_amount", lambda: amount(random, 1, 3), 0.2)
    maybe(random, fields, "post_call_surcharge_pct", lambda: amount(random, 20, 2), 0.2)
    maybe(random, fields, "min_charge", lambda: amount(random, 1, 2), 0.1)
    maybe(random, fields, "max_charge", lambda: str(2 + random.randrange(5)), 0.1)
    return fields


def span(random):
    if random.random() < 0.4:
        return dict(ALWAYS)
    hours = random.sample([0, 60, 120, 150, 180, 480, 1200, 1380], 2)
    return {
        "from_day": random.randrange(7), "to_day": random.randrange(7), "from_minute": hours[0],
        "to_minute": hours[1], "holiday": random.random() < 0.15,
    }


def steps(random):
    found, second = [], 0 if random.random() < 0.5 else random.randrange(1, 90)
    for _ in range(random.randrange(1, 4)):
        if random.random() < 0.3:
            charge = {"flat": {"amount": amount(random, 1, 3)}}
        else:
            charge = {"per_minute": {"price": amount(random, 1, 3), "increment": random.choice([1, 6, 30, 60])}}
        found.append({"from_second": second, "charge": charge})
        second += random.randrange(1, 120)
    return found


def tariff(random, number):
    rates = []
    for at in range(random.randrange(2, 9)):
        rate = {"id": number * 100 + at, "prefix": random.choice(PREFIXES), "price": amount(random, 2, 4), **terms(random)}
        maybe(random, rate, "span", lambda: span(random), 0.6)
        maybe(random, rate, "steps", lambda: steps(random), 0.2)
        maybe(random, rate, "effective_from", lambda: ms(BEGIN) + random.randrange(24) * 3_600_000, 0.15)
        maybe(random, rate, "effective_to", lambda: ms(BEGIN) + random.randrange(25, 48) * 3_600_000, 0.15)
        maybe(random, rate, "blocked", lambda: True, 0.05)
        rates.append(rate)
    document = {
        "id": number, "name": f"t{number}", "currency": "EUR", "time_zone": random.choice(ZONES),
        "decimals": random.randrange(7), "band_policy": random.choice(["split", "at_answer"]), "rates": rates,
    }
    maybe(random, document, "defaults", lambda: terms(random), 0.4)
    maybe(random, document, "holidays", lambda: ["2026-03-29"], 0.4)
    return document


def ms(instant):
    return int(instant.timestamp() * 1000)


# ---- the model -------------------------------------------------------------------------------------------------


class Model:
    """One tariff, priced as rating.md says."""

    def __init__(self, document):
        self.zone = ZoneInfo(document["time_zone"])
        self.document = document
        self.defaults = document.get("defaults", {})

    def field(self, rate, name, otherwise):
        return rate.get(name, self.defaults.get(name, otherwise))

    def money(self, rate, name, otherwise="0"):
        value = self.field(rate, name, otherwise)
        return None if value is None else Fraction(value)

    def covers(self, rate, at_ms):
        s = rate.get("span", ALWAYS)
        local = datetime.fromtimestamp(at_ms // 1000, timezone.utc).astimezone(self.zone)
        minute = local.hour * 60 + local.minute

        def starts(date):
            first, last, day = s["from_day"], s["to_day"], date.weekday()
            within = first <= day <= last if first <= last else day >= first or day <= last
            return within and (not s["holiday"] or date.isoformat() in self.document.get("holidays", []))

        today = local.date()
        if s["from_minute"] < s["to_minute"]:
            return s["from_minute"] <= minute < s["to_minute"] and starts(today)
        yesterday = today - timedelta(days=1)
        return (minute >= s["from_minute"] and starts(today)) or (minute < s["to_minute"] and starts(yesterday))

    @staticmethod
    def detail(rate):
        s = rate.get("span", ALWAYS)
        minutes = (s["to_minute"] - s["from_minute"]) % 1440 or 1440
        return ((s["to_day"] - s["from_day"]) % 7 + 1) * minutes

    def rows(self, number, at_ms):
        """Rows in force at the answer that fit the number, best first (rule 1.3)."""
        fit = [
            rate for rate in self.document["rates"]
            if number.startswith(rate["prefix"]) and rate.get("effective_from", -1) <= at_ms < rate.get("effective_to", 1 << 62)
        ]
        return sorted(fit, key=lambda rate: (
            -len(rate["prefix"]), not rate.get("span", ALWAYS)["holiday"], self.detail(rate),
            -rate.get("effective_from", -(1 << 62)), -rate["id"],
        ))

    def price(self, rate, price):
        return Fraction(price) * self.money(rate, "multiplier", "1") + self.money(rate, "addition")

    def charge(self, number, at_ms, answered_ms):
        rows = self.rows(number, at_ms)
        own = next((rate for rate in rows if self.covers(rate, at_ms)), None)
        if own is None:
            return "no rate"
        if own.get("blocked"):
            return "blocks"
        answered = -(-answered_ms // 1000)
        if answered <= self.field(own, "grace_period", 0) or answered == 0:
            return own["id"], Fraction(0), 0
        free = self.field(own, "free_seconds", 0)
        left, position, total, row, flats = max(0, answered - free), 0, Fraction(0), own, set()
        while position < left:
            if self.document["band_policy"] == "split":
                now = next((rate for rate in rows if self.covers(rate, at_ms + (free + position) * 1000)), None)
                row = row if now is None or now.get("blocked") else now
            taken = [step for step in row.get("steps", []) if step["from_second"] <= position]
            step = taken[-1]["charge"] if taken else None
            size = self.field(row, "increment", 1)
            price = self.price(row, row["price"])
            if step and "per_minute" in step:
                size, price = step["per_minute"]["increment"], self.price(row, step["per_minute"]["price"])
            elif step:
                price = Fraction(0)
                once = (row["id"], taken[-1]["from_second"])
                total += Fraction(step["flat"]["amount"]) if once not in flats else 0
                flats.add(once)
            if position == 0:
                initial = self.field(row, "initial", None)
                size = initial if initial is not None else (size if step else 1)
            total += price * size / 60
            position += size
        total += self.money(own, "connect_fee")
        if answered >= self.field(own, "surcharge_time", 0):
            total += self.money(own, "surcharge_amount")
        total *= 1 + self.money(own, "post_call_surcharge_pct") / 100
        least, most = self.money(own, "min_charge", None), self.money(own, "max_charge", None)
        total = total if least is None else max(total, least)
        total = total if most is None else min(total, most)
        unit = 10 ** self.document["decimals"]
        return own["id"], Fraction(int(total * unit + Fraction(1, 2)), unit), position


def agree(binary, seed, tariffs=60, cases=50):
    random = Random(seed)
    sheets = []
    while len(sheets) < tariffs:
        sheet = tariff(random, len(sheets) + 1)
        if run_rate(binary, {"tariffs": [sheet], "cases": []}).returncode == 0:
            sheets.append(sheet)
    models = {sheet["id"]: Model(sheet) for sheet in sheets}
    asked = []
    for sheet in sheets:
        for _ in range(cases):
            chain = [sheet["id"]] + random.sample(sorted(models), random.randrange(4))
            asked.append({
                "chain": chain, "number": random.choice(["4420", "44770", "4930", "1415", "99"]),
                "answered_at": ms(BEGIN) + random.randrange(48 * 3600) * 1000 + random.choice([0, 0, 500]),
                "answered_ms": random.choice([0, 1, 999, 1000, 1001, random.randrange(900_000)]),
            })
    done = run_rate(binary, {"tariffs": sheets, "cases": asked})
    assert done.returncode == 0, done.stderr
    priced = 0
    for case, result in zip(asked, json.loads(done.stdout)["results"], strict=True):
        expected = [models[t].charge(case["number"], case["answered_at"], case["answered_ms"]) for t in case["chain"]]
        failed = next((e for e in expected if isinstance(e, str)), None)
        if failed:
            assert failed in result.get("error", ""), (failed, result, case)
            continue
        found = [(level["rate"], Fraction(level["charge"]), level["billed_secs"]) for level in result["levels"]]
        assert found == expected, f"{case}\nexpected {expected}\nfound {result}\n{[models[t].document for t in case['chain']]}"
        priced += len(found)
    return priced


def manners(binary):
    sheet = {"id": 1, "name": "t", "currency": "EUR", "rates": [{"id": 1, "prefix": "44", "price": "0.06"}]}
    base = {"id": 2, "name": "m", "currency": "EUR", "base": {"tariff": 1, "percent": "50", "addition": "0.01"}, "decimals": 2}
    case = {"tariff": 1, "number": "4420", "answered_at": "2026-01-07T12:00:00Z", "seconds": 61}
    many = [dict(case, seconds=n) for n in range(10_000)]
    began = time.monotonic()
    done = run_rate(binary, {"tariffs": [sheet, base], "cases": [dict(case, tariff=2), dict(case, funds="0.0615", cost_tariff=1)] + many})
    took = time.monotonic() - began
    results = json.loads(done.stdout)["results"]
    # (0.06 * 1.5 + 0.01) * 61 / 60 = 0.10166 to two decimals; 0.0615 pays 61 seconds of 0.001, not 62.
    assert results[0]["levels"][0]["charge"] == "0.1", results[0]
    assert results[1]["affordable_secs"] == 61 and results[1]["margin"] == "0", results[1]
    assert [r["levels"][0]["billed_secs"] for r in results[2:]] == list(range(10_000)), "not in the order asked"
    assert took < 20, f"10,000 cases took {took:.1f} s"
    good = {"tariffs": [sheet], "cases": [case, case]}

    def faulty(change, *words):
        document = json.loads(json.dumps(good))
        change(document)
        done = run_rate(binary, document)
        said = done.stderr + done.stdout
        assert (done.returncode == 1 or "error" in said) and all(word in said for word in words), (words, said)

    faulty(lambda d: d["cases"][1].update(secnds=1), "cases[1]", "secnds")
    faulty(lambda d: d["cases"][1].update(seconds=-1), "cases[1].seconds", "-1")
    faulty(lambda d: d["cases"][1].update(answered_at="noon"), "cases[1].answered_at", "noon")
    faulty(lambda d: d["cases"][1].update(funds="much"), '"error"', "funds")
    faulty(lambda d: d["cases"][1].update(answered_ms=1), "answered_ms, seconds")
    faulty(lambda d: d["cases"][1].pop("tariff"), "tariff, chain")
    faulty(lambda d: d["tariffs"][0].update(curency="EUR"), "tariffs[0]", "curency")
    faulty(lambda d: d["tariffs"][0]["rates"][0].update(prise="1"), "tariffs[0].rates[0]", "prise")
    faulty(lambda d: d["tariffs"][0]["rates"][0].update(price=0.06), "tariffs[0].rates[0].price", "0.06")
    faulty(lambda d: d["tariffs"][0]["rates"][0].update(span={"from_hour": 1}), "rates[0]", "from_hour")
    faulty(lambda d: d["tariffs"][0].update(base={"tariff": 9, "percnt": "1"}), "base", "percnt")
    faulty(lambda d: d["tariffs"][0].update(time_zone="Berlin"), "time_zone", "Berlin")
    faulty(lambda d: d["tariffs"][0]["rates"][0].update(price="-1", initial=0), "price", "-1")
    return took


def run(binary, folder):
    binary = str(Path(binary).resolve())
    priced = agree(binary, 2026)
    took = manners(binary)
    return f"{priced} random charges as the model has them; 10,000 cases in {took:.1f} s; faults name case and field"
