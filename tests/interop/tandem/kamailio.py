"""Kamailio as somebody else's switch: registrar and proxy with digest, everything in memory."""

import subprocess
from pathlib import Path

CONFIG = """
debug=0
log_stderror=yes
fork=yes
children=1
disable_tcp=yes
listen=udp:127.0.0.1:{port}
alias="carrier.test"
auto_aliases=no
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
modparam("usrloc", "db_mode", 0)
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("OPTIONS") && !has_totag()) {{ sl_send_reply("200", "OK"); exit; }}
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("carrier.test", "{password}", "0")) {{ www_challenge("carrier.test", "1"); exit; }}
        xlog("L_ALERT", "REGISTERED $fU expires $hdr(Expires)\\n");
        save("location");
        exit;
    }}
    if (has_totag()) {{ loose_route(); t_relay(); exit; }}
    if (is_method("CANCEL|ACK")) {{ t_relay(); exit; }}
    if (!is_method("INVITE")) {{ sl_send_reply("405", "Method Not Allowed"); exit; }}
    record_route();
    if ($sp == {switch}) {{
        if (!pv_proxy_authenticate("carrier.test", "{password}", "0")) {{ proxy_challenge("carrier.test", "1"); exit; }}
        consume_credentials();
        xlog("L_ALERT", "OUT as $fU to $rU\\n");
        $ru = "sip:" + $rU + "@127.0.0.1:{far}";
        t_relay();
        exit;
    }}
    $ru = "sip:{user}@carrier.test";
    lookup("location");
    $var(found) = $rc;
    if ($var(found) < 0) {{ xlog("L_ALERT", "NOT FOUND $ru: $var(found)\n"); sl_send_reply("404", "Not Found"); exit; }}
    t_relay();
}}
"""


class Kamailio:
    """`user` registers with `password`; calls from `switch` go to the port `far`, all others to the user's Contact."""

    def __init__(self, folder, port, **settings):
        self.folder = Path(folder) / "kamailio"
        self.folder.mkdir(exist_ok=True)
        self.port = port
        (self.folder / "kamailio.cfg").write_text(CONFIG.format(port=port, **settings))
        self.process = None

    def start(self):
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            ["kamailio", "-DD", "-E", "-m", "32", "-M", "8", "-f", str(self.folder / "kamailio.cfg"), "-Y",
             str(self.folder), "-P", str(self.folder / "pid")],
            stdout=self.log, stderr=self.log,
        )
        return self

    def lines(self, word):
        """What it logged of this."""
        return [line for line in (self.folder / "log").read_text(errors="replace").splitlines() if word in line]

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
