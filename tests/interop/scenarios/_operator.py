"""A small operator: one sell and one cost tariff, one group."""


class Operator:
    """Ids of what was made."""

    def __init__(self, daemon, price="0.06", cost="0.03", **terms):
        self.daemon = daemon
        self.sell = daemon.create("tariff", name="sell", currency="EUR")
        self.cost = daemon.create("tariff", name="cost", currency="EUR")
        daemon.create("rate", tariff=self.sell, prefix="9", description="test", price=price, terms=terms)
        daemon.create("rate", tariff=self.sell, prefix="1", description="phones", price=price, terms=terms)
        daemon.create("rate", tariff=self.cost, prefix="9", price=cost)
        self.group = daemon.create("group", name="standard")

    def gateway(self, name, port, priority=1, prefix="9", transport="udp", **hunt):
        gateway = self.daemon.create(
            "gateway", name=name, hosts=[{"host": "127.0.0.1", "port": port}], transport=transport, currency="EUR", cost_tariff=self.cost,
            **({"hunt": hunt} if hunt else {}),
        )
        self.daemon.create(
            "route", group=self.group, prefix=prefix, priority=priority, target={"to": "gateway", "gateway": gateway}
        )
        return gateway

    def account(self, login, micros=0, **edit):
        account = self.daemon.create(
            "account", login=login, kind="common", currency="EUR", tariff=self.sell, routing_group=self.group, **edit
        )
        if micros:
            self.daemon.pay(account, micros, f"first-{login}")
        return account

    def source(self, account, address="127.0.0.1", port=None, tech_prefix=""):
        self.daemon.create("source", account=account, network=address, port=port, tech_prefix=tech_prefix)
