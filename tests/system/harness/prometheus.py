# SPDX-License-Identifier: BSD-2-Clause
"""Reading figures: the text of /metrics as samples, and Debian's Prometheus in a folder of its own."""
import http.client
import json
import re
import shutil
import signal
import subprocess
import urllib.parse

from harness.ask import eventually

OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN = "text/plain; version=0.0.4; charset=utf-8"
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
GET_S = 30


def split(url):
    parts = urllib.parse.urlsplit(url)
    return parts.hostname, parts.port, parts.path


def get(url, method="GET", path=None, body=None, **headers):
    """One request on a connection of its own: (status, headers in lower case, body)."""
    host, port, own = split(url)
    connection = http.client.HTTPConnection(host, port, timeout=GET_S)
    try:
        connection.request(method, path or own, body=body, headers=headers)
        reply = connection.getresponse()
        return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
    finally:
        connection.close()


def parse(text):
    """{(name, ((label, value), ...)): number}; every line must be a comment or a sample."""
    samples = {}
    for line in text.splitlines():
        if line.startswith("# "):
            continue
        found = SAMPLE.fullmatch(line)
        assert found, line
        name, labels, value = found.groups()
        pairs, at = [], 0
        while labels and at < len(labels):
            one = LABEL.match(labels, at)
            assert one, line
            pairs.append((one[1], re.sub(r'\\(.)', lambda m: {"n": "\n"}.get(m[1], m[1]), one[2])))
            at = one.end()
        key = (name, tuple(sorted(pairs)))
        assert key not in samples, f"twice: {line}"
        samples[key] = float(value)
    return samples


def families(text):
    """{name: (type, help)} as the comments say."""
    helps = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.M))
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    assert helps.keys() == types.keys() and len(types) == len(re.findall("^# TYPE ", text, re.M))
    return {name: (types[name], helps[name]) for name in types}


class Figures:
    """What was served at one moment."""

    def __init__(self, url, accept=None):
        status, headers, body = get(url, **({"Accept": accept} if accept else {}))
        assert status == 200, (status, body)
        self.type, self.text = headers["content-type"], body.decode()
        self.samples = parse(self.text)

    def __call__(self, name, **labels):
        return self.samples[(name, tuple(sorted(labels.items())))]

    def by(self, name, label):
        """{value of that label: number} of a family that has no other."""
        return {dict(labels)[label]: value for (n, labels), value in self.samples.items() if n == name}

    def has(self, name, **labels):
        return (name, tuple(sorted(labels.items()))) in self.samples


def promtool(*args, stdin=None):
    return subprocess.run(["promtool", *map(str, args)], input=stdin, text=True, capture_output=True, timeout=60, check=False)


def available():
    return shutil.which("prometheus") is not None and shutil.which("promtool") is not None


class Prometheus:
    """prometheus with its configuration and storage in folder, on a port that the kernel chose."""

    def __init__(self, folder, url, rules=None):
        self.folder = folder
        host, port, _ = split(url)
        (folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n" +
            (f"rule_files: ['{rules}']\n" if rules else "") +
            f"scrape_configs:\n  - job_name: saring\n    static_configs: [{{targets: ['{host}:{port}']}}]\n")
        self.log = folder / "log"
        with open(self.log, "wb") as log:
            # dies with the test runner, should that be killed
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                 "--web.listen-address=127.0.0.1:0", "--log.format=json"], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder)
        self.port = eventually(self.found_port, "prometheus says where it listens", timeout_s=60)

    def found_port(self):
        assert self.process.poll() is None, self.log.read_text()
        ports = re.findall(r'"address":"127\.0\.0\.1:([1-9]\d*)"', self.log.read_text())
        return int(ports[0]) if ports else None

    def api(self, what, **query):
        status, _, body = get(f"http://127.0.0.1:{self.port}/", path=f"/api/v1/{what}?{urllib.parse.urlencode(query)}")
        return json.loads(body)["data"] if status == 200 else None

    def target(self):
        """The target when it was scraped at least once."""
        targets = (self.api("targets") or {}).get("activeTargets", [])
        return next((t for t in targets if t["health"] != "unknown"), None)

    def query(self, expression):
        """{labels: number} of an instant query."""
        data = self.api("query", query=expression)
        return {tuple(sorted((k, v) for k, v in r["metric"].items() if k not in ("job", "instance"))): float(r["value"][1])
                for r in data["result"]} if data else {}

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
