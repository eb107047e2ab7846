# SPDX-License-Identifier: BSD-2-Clause
"""A real saringd in a folder of its own: configured, started, asked about itself, stopped, and looked over for sanitizer reports."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

READY_S = 60
STOP_S = 30
CALL_S = 60
# what the search for leaks says, at a program's end, of one that a test kills just then
KILLED_AT_THE_END = re.compile(r"^==\d+==Unable to get registers from thread \d+\.$", re.MULTILINE)
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|SUMMARY: \w+Sanitizer")


def build_dir():
    build = pathlib.Path(os.environ.get("SARING_BUILD", pathlib.Path(__file__).resolve().parents[3] / "build")).resolve()
    if not (build / "saringd").exists():
        raise FileNotFoundError(f"{build}/saringd: build first, and name the build directory by SARING_BUILD")
    return build


def sanitized():
    program = (build_dir() / "saringd").read_bytes()
    return b"__asan_init" in program or b"__tsan_init" in program


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


def default_workers():
    return int(os.environ.get("SARING_TEST_WORKERS", "2"))


def flow(value):
    """Plain data as one line of YAML, keys bare, as people write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(v) for v in value) + "]"
    if isinstance(value, str) and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*|[0-9]+[a-zA-Z]+|/[\w./-]*", value):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def block(data):
    """A mapping of settings as YAML: one key a line, lists of mappings as items."""
    lines = []
    for key, value in data.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append(f"{key}:")
            for item in value:
                for i, (k, v) in enumerate(item.items()):
                    lines.append(("  - " if i == 0 else "    ") + f"{k}: {flow(v)}")
        elif value is not None:
            lines.append(f"{key}: {flow(value)}")
    return "\n".join(lines) + "\n"


class Result:
    """What a finished program left."""

    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Saringd:
    """home is a short path (Unix sockets allow 107 octets), empty but for what the test put there."""

    FAREWELL = "the harness is done"

    def __init__(self, home, config=None, lists=None, text=None, workers=None, binaries=None):
        self.home = pathlib.Path(home)
        self.build = build_dir()
        self.binaries = pathlib.Path(binaries) if binaries else self.build
        self.config_path = self.home / "saring.yaml"
        self.socket_path = self.home / "c.sock"
        self.stderr_path = self.home / "stderr.log"
        self.process = None
        self.udp = {}  # host -> port
        self.expect_exit = 0
        self.notes = []   # what came over NOTIFY_SOCKET and was not waited for yet
        self.passed = []  # what the last wait went past, its own line last
        self.noted = threading.Condition()
        for name, content in (lists or {}).items():
            path = self.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.config = None
        if text is not None:
            self.config_path.write_text(text, encoding="utf-8")
        else:
            self.configure(**{"workers": workers or default_workers(), **(config or {})})

    def configure(self, **changes):
        """Write saring.yaml: the harness's base, then what the test wants."""
        base = self.config or {
            "listen": ["dns://127.0.0.1:0"] + (["dns://[::1]:0"] if has_ipv6() else []),
            "workers": default_workers(),
            "user": "root" if os.geteuid() == 0 else None,
            "upstream": {"servers": ["dns://127.0.0.1:1"]},
            "hosts": "off",  # this machine's file is not the test's
            "control": {"socket": "c.sock"},
            "state": "state",
        }
        self.config = {**base, **changes}
        self.config_path.write_text(block(self.config), encoding="utf-8")

    # life

    def environment(self, **more):
        env = {k: v for k, v in os.environ.items() if k not in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")}
        log = self.home / "sanitizer"
        env.update(
            ASAN_OPTIONS=f"log_path={log}:detect_leaks={env.get('SARING_TEST_LEAKS', '1')}:abort_on_error=0:exitcode=66",
            UBSAN_OPTIONS=f"log_path={log}:print_stacktrace=1:halt_on_error=1:exitcode=66",
            TSAN_OPTIONS=f"log_path={log}:second_deadlock_stack=1:exitcode=66",
            NO_COLOR="1", LC_ALL="C.UTF-8")
        env.update(more)
        if "LD_PRELOAD" in more:  # the sanitizer's runtime wants to be the first, and need not be
            env["ASAN_OPTIONS"] += ":verify_asan_link_order=0"
        return env

    def spawn(self, *args, env=None):
        """Start without waiting for readiness."""
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify_path = self.home / "n.sock"
        self.notify_path.unlink(missing_ok=True)
        notify.bind(str(self.notify_path))
        os.chmod(self.notify_path, 0o777)
        self.notes = []
        self.listener = threading.Thread(target=self._listen, args=(notify,), daemon=True)
        self.listener.start()
        self.stderr_file = open(self.stderr_path, "ab")
        # dies with the test runner, should that be killed
        command, fds = self.wrapped([str(self.binaries / "saringd"), "-c", str(self.config_path), *args])
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command], cwd=self.home, stdin=subprocess.DEVNULL, pass_fds=fds,
            stdout=self.stderr_file, stderr=self.stderr_file, env=self.environment(NOTIFY_SOCKET=str(self.notify_path), **(env or {})))
        return self

    def wrapped(self, command):
        """What is started, and the descriptors it inherits: for those who have something to add."""
        return command, ()

    def start(self, *args, env=None):
        self.spawn(*args, env=env)
        if not self.wait_note("READY=1", READY_S):
            raise AssertionError(f"saringd did not get ready (exit {self.process.poll()}):\n{self.stderr()}")
        self.udp = {}
        for endpoint in self.status()["listen"]:
            host, port = re.fullmatch(r"dns://\[?([^\]]+?)\]?:(\d+)", endpoint).groups()
            self.udp[host] = int(port)
        return self

    def _listen(self, notify):
        """Somebody must read what the daemon says: the socket's queue is short, and a full one holds it up."""
        while True:
            text = self.hear(notify)
            if text == self.FAREWELL:
                notify.close()
                return
            with self.noted:
                self.notes += text.splitlines()
                self.noted.notify_all()

    def hear(self, notify):
        return notify.recv(4096).decode(errors="replace")

    def wait_note(self, line, timeout_s=READY_S):
        """Wait until the notes hold this line, which is then taken out with all before it. False at the deadline or at exit."""
        def found():
            return next((i for i, note in enumerate(self.notes) if note == line or note.startswith(line + "=")), None)

        end = time.monotonic() + timeout_s
        with self.noted:
            while found() is None:
                # in slices, so that a daemon that died is noticed
                self.noted.wait(0.1)
                if found() is None and (time.monotonic() > end or self.process.poll() is not None):
                    return False
            at = found()
            self.passed, self.notes = self.notes[:at + 1], self.notes[at + 1:]
            return True

    def forget_notes(self):
        with self.noted:
            self.notes = []

    def _end_listening(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(self.FAREWELL.encode(), str(self.notify_path))
        self.listener.join(10)
        self.stderr_file.close()

    @property
    def port(self):
        return self.udp["127.0.0.1"]

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """End it as an init system does, and look over what it left."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError(f"saringd did not end within {STOP_S} s of SIGTERM:\n{self.stderr()}") from None
        self._end_listening()
        self.reports()
        assert process.returncode == self.expect_exit, f"saringd ended with {process.returncode}:\n{self.stderr()}"

    def kill(self):
        """Without any farewell, as a crash would."""
        self.process.kill()
        self.process.wait()
        self.process = None
        self._end_listening()

    def reports(self):
        found = [p.read_text(errors="replace") for p in sorted(self.home.glob("sanitizer.*"))]
        found = [text for text in found if KILLED_AT_THE_END.sub("", text).strip()]
        if SANITIZER.search(self.stderr()):
            found.append(self.stderr())
        assert not found, "sanitizer report:\n" + "\n".join(found)

    def stderr(self):
        return self.stderr_path.read_text(errors="replace") if self.stderr_path.exists() else ""

    # the tools

    def run(self, program, *args, user=None, groups=(), stdin=None, env=None):
        command = [str(self.binaries / program), *map(str, args)]
        if user is not None:
            gid = groups[0] if groups else user
            command = ["setpriv", f"--reuid={user}", f"--regid={gid}", "--clear-groups", *command]
        return Result(subprocess.run(command, cwd=self.home, text=True, capture_output=True, timeout=CALL_S, env=self.environment(**(env or {})),
                                     input=stdin, check=False))

    def ctl(self, *args, code=0, **how):
        """saringctl; fails the test when it exits otherwise."""
        result = self.run("saringctl", "-c", self.config_path, *args, **how)
        assert code is None or result.code == code, f"saringctl {' '.join(map(str, args))}: {result}\n--- saringd\n{self.stderr()}"
        return result

    def status(self):
        return self.ctl("--json", "status").json

    def explain(self, name, *args):
        return self.ctl("--json", "explain", name, *args).json

    def queries(self):
        return self.status()["queries"]

    def copy_binaries(self, to):
        """For a user who may not enter the build directory."""
        to = pathlib.Path(to)
        to.mkdir(parents=True, exist_ok=True)
        for name in ("saringd", "saringctl", "saring-compile", "saring-explain", "saring-fetch"):
            shutil.copy2(self.build / name, to / name)
        self.binaries = to
        return to
