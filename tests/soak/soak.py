#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""soak - saringd under everything at once for as long as one likes: is memory flat, is no answer lost, is none wrong?

    tests/soak/soak.py BUILD [--minutes 30] [--rate 2000] [--workers 2] [--seed N]

Asked by processes of their own (load.py): blocked names, cached ones, names never asked before, failing ones, ones whose answer needs
TCP, garbled packets, TCP clients that come, ask and go, and some that stall. Meanwhile lists are edited (and each edit is looked for in
the next answer), all is reloaded by verb and by SIGHUP, the cache is flushed in part, and once a minute the only upstream is away for
some seconds, in turn silent (it hears everything and says nothing) and gone (nobody at its port). The upstream (upstream.py) gives each
name an address of its own: an answer that belongs to another question is seen. A SERVFAIL while the upstream itself got no turn on a busy machine
is counted apart (failed_late).

Exit status 0 when, compared with the medians of a first window after the warm-up, the medians of the last one are within 10 % (resident
memory, open files), when no answer was lost or wrong, and when blocked and cached names were answered in every outage. Else 1, and it
says what was not so. Its figures in one line at the end; --json for programs. Build without a sanitizer: those keep freed memory."""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "system"))
import load as soak_load  # noqa: E402 the path comes first
from upstream import Upstream  # noqa: E402

STEP_S = 1.0
OUTAGE_S = 5.0
RECOVER_S = 30.0  # far more than it takes; how long it took is told
WARM_SHARE = 0.35  # of the whole, and no more than so many seconds:
WARM_MAX_S = 240
WINDOW_SHARE = 0.2
FLAT = 1.10
CACHE = "2MiB"  # full when the warm-up is over


def vm_rss_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as text:
        fields = dict(line.split(":", 1) for line in text if ":" in line)
    # the images are files that are mapped: what of them is resident is the kernel's matter
    return int(fields["Pss_Anon"].split()[0])


def fd_count(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Soak:
    def __init__(self, daemon, upstream, load, options):
        self.daemon, self.upstream, self.load = daemon, upstream, load
        self.options, self.rng = options, random.Random(options.seed)
        self.samples = []  # (seconds, KiB, files)
        self.done = {"edits": 0, "reloads": 0, "flushes": 0, "outages": 0}
        self.faults, self.recoveries = [], []
        self.edited = {}

    # what is done to it

    def is_blocked(self, name):
        from harness.ask import ask, rcode
        return rcode(ask(self.daemon, name)) == "NXDOMAIN"

    def edit(self):
        name = f"e{self.rng.randrange(soak_load.EDITED)}.edited.test"
        add = not self.edited.get(name, False)
        self.daemon.ctl("list", "add" if add else "remove", "edited", name)
        self.edited[name] = add
        self.done["edits"] += 1
        if self.is_blocked(name) != add:
            self.faults.append(f"{name} was {'added' if add else 'removed'}, and the next answer did not know")

    def reload(self):
        self.done["reloads"] += 1
        if self.rng.randrange(2):
            self.daemon.ctl("reload")
            return
        self.daemon.forget_notes()
        self.daemon.signal(signal.SIGHUP)
        if not self.daemon.wait_note("READY=1"):
            self.faults.append("no READY=1 after SIGHUP")

    def flush(self):
        self.daemon.ctl("cache", "flush", "flushed.test")
        self.done["flushes"] += 1

    def outage(self):
        from harness.ask import ask, rcode
        away, back = ((self.upstream.mute, self.upstream.speak), (self.upstream.die, self.upstream.live))[self.done["outages"] % 2]
        self.done["outages"] += 1
        self.load.shared.outage.value = 1
        away()
        end = time.monotonic() + OUTAGE_S
        while time.monotonic() < end:
            self.sample()
            self.edit()
            time.sleep(STEP_S)
        back()
        began, i = time.monotonic(), 0
        while time.monotonic() - began < RECOVER_S:
            i += 1
            if rcode(ask(self.daemon, f"back{self.done['outages']}-{i}.unique.test")) == "NOERROR":
                break
        self.recoveries.append(time.monotonic() - began)
        # what was asked before is answered within the time-out of a question, and its failure remembered for a little longer
        while time.monotonic() - began < 12:
            self.sample()
            time.sleep(STEP_S)
        self.load.shared.outage.value = 0

    # what is seen

    def sample(self):
        pid = self.daemon.process.pid
        self.samples.append((time.monotonic() - self.began, vm_rss_kib(pid), fd_count(pid)))

    def run(self):
        self.began = time.monotonic()
        end = self.began + self.options.minutes * 60
        next_outage = self.began + 20
        while time.monotonic() < end:
            if self.daemon.process.poll() is not None:
                self.faults.append(f"saringd ended with {self.daemon.process.returncode}")
                return
            if time.monotonic() > next_outage and end - time.monotonic() > 30:
                self.outage()
                next_outage = time.monotonic() + min(60, self.options.minutes * 15)
            self.rng.choices((self.edit, self.reload, self.flush), (6, 2, 2))[0]()
            self.sample()
            time.sleep(STEP_S)

    def windows(self):
        whole = self.options.minutes * 60
        warm, window = min(whole * WARM_SHARE, WARM_MAX_S), whole * WINDOW_SHARE
        first = [s for s in self.samples if warm <= s[0] < warm + window]
        last = [s for s in self.samples if s[0] >= whole - window]
        return [[statistics.median(s[i] for s in some) for i in (1, 2)] for some in (first, last)]

    def verdict(self, figures, texts):
        (rss_0, files_0), (rss_1, files_1) = self.windows()
        result = {**figures, **self.done, "recovery_s_max": round(max(self.recoveries, default=0), 2), "rss_kib": [rss_0, rss_1],
                  "files": [files_0, files_1]}
        dropped = self.daemon.status()["counters"]["rxq_dropped"]
        result["rxq_dropped"] = dropped
        # what the kernel had no room for never came to saringd
        if figures["lost"] > dropped:
            self.faults.append(f"{figures['lost']} answers were lost: {texts}")
        if figures["wrong"]:
            self.faults.append(f"{figures['wrong']} answers were wrong: {texts}")
        if rss_1 > rss_0 * FLAT:
            self.faults.append(f"resident memory grew from {rss_0} to {rss_1} KiB")
        if files_1 > files_0 * FLAT + 2:
            self.faults.append(f"open files grew from {files_0} to {files_1}")
        if max(self.recoveries, default=0) >= RECOVER_S:
            self.faults.append("it did not recover from an outage")
        return {**result, "faults": self.faults}


def soak(build, options):
    os.environ["SARING_BUILD"] = str(pathlib.Path(build).resolve())
    from harness.daemon import Saringd
    home = pathlib.Path(tempfile.mkdtemp(prefix="saring-soak-"))
    upstream = Upstream()
    lists = {"house.yaml": "entries:\n" + "".join(f"  - b{i}.test\n" for i in range(soak_load.BLOCKED)), "edited.yaml": "entries: []\n"}
    config = {"upstream": {"servers": [upstream.endpoint], "timeout": "3s"}, "cache": {"size": CACHE}, "listen": ["dns://127.0.0.1:0"],
              "lists": [{"name": "house", "file": "house.yaml"}, {"name": "edited", "file": "edited.yaml"}]}
    daemon = Saringd(home, config, lists, workers=options.workers)
    try:
        daemon.start()
        load = soak_load.Load(daemon.port, options.rate, upstream.was_late, seed=options.seed)
        one = Soak(daemon, upstream, load, options)
        load.start()
        try:
            one.run()
        finally:
            figures, texts = load.end()
        result = one.verdict(figures, texts)
        daemon.stop()
    finally:
        if daemon.process is not None:
            daemon.kill()
        upstream.die()
        shutil.rmtree(home, ignore_errors=True)
    return result


def main():
    parser = argparse.ArgumentParser(description="saringd under everything at once")
    parser.add_argument("build")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=2000, help="questions a second over UDP")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = soak(options.build, options)
    if options.json:
        print(json.dumps(result))
    else:
        faults = result.pop("faults")
        print(f"seed {options.seed}: " + " ".join(f"{k}={v}" for k, v in result.items()))
        print("\n".join(faults) if faults else "flat, none lost, none wrong")
        result["faults"] = faults
    return 1 if result["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
