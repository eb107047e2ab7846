#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The completion scripts of saringctl in the shells themselves: what bash, zsh and fish offer for a line half typed."""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SARINGCTL = os.environ["SARINGCTL"]
WAIT_S = 60

CONFIG = """\
lists:
  - {name: ads, file: ads.txt}
  - {name: house, file: house.yaml}
  - {name: "$(touch injected)", file: x.yaml}
"""


def tool(*args):
    return subprocess.run([SARINGCTL, *args], capture_output=True, encoding="utf-8", timeout=WAIT_S, check=True).stdout


def verbs():
    """Of the overview: [["status"], ["list"], ["list", "add"], ...]."""
    found = []
    for line in tool("--help").split("Options of every verb:")[0].splitlines():
        if re.match(r"  [a-z]", line):
            found.append([w for w in line[2:].split("  ")[0].split() if w.islower() and "|" not in w and "[" not in w])
    return found


def options(*verb):
    return set(re.findall(r"(?m)^  (?:-\w, |    )(--[\w-]+)", tool(*verb, "--help")))


class Shell:
    """A folder with a configuration and two files; offers(...) of a subclass asks the shell."""

    def setUp(self):
        if not shutil.which(self.name):
            self.skipTest(f"{self.name} is not installed")
        self.dir = tempfile.mkdtemp(prefix="saring-completion-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.config = os.path.join(self.dir, "saring.yaml")
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(CONFIG)
        os.mkdir(os.path.join(self.dir, "inner"))
        self.script = os.path.join(self.dir, "_saringctl")
        with open(self.script, "w", encoding="utf-8") as f:
            f.write(tool("completion", self.name))
        self.env = {**os.environ, "PATH": os.path.dirname(SARINGCTL) + ":" + os.environ["PATH"], "HOME": self.dir, "TERM": "xterm", "LC_ALL": "C.UTF-8"}

    def check(self, line, *wanted, exactly=True):
        got = self.offers(line)
        if exactly:
            self.assertEqual(sorted(got), sorted(wanted), line)
        else:
            self.assertLessEqual(set(wanted), set(got), line)

    def test_verbs_and_subverbs(self):
        plain = {v[0] for v in verbs()}
        self.assertGreaterEqual(len(plain), 12)
        self.check("saringctl ", *plain, exactly=False)
        self.assertNotIn("complete", self.offers("saringctl comp"))
        self.check("saringctl che", "check")
        for group in {v[0] for v in verbs() if len(v) == 2}:
            self.check(f"saringctl {group} ", *{v[1] for v in verbs() if len(v) == 2 and v[0] == group}, exactly=False)
        self.check("saringctl help list ex", "export")
        self.check("saringctl --json list ex", "export")

    def test_options_are_those_of_the_verb(self):
        for verb in (["list", "add"], ["list", "lift"], ["explain"], ["audit"], ["report"], ["status"]):
            self.check(f"saringctl {' '.join(verb)} --", *options(*verb))
        self.check("saringctl list add --re", "--reason", "--reference", "--review")
        self.check("saringctl why --of", "--offline")
        self.assertNotIn("--offline", self.offers("saringctl status --offl"))

    def test_options_before_the_verb(self):
        self.check("saringctl --", "--config", "--socket", "--json", "--help", "--version")
        self.check("saringctl --so", "--socket")

    def test_fixed_words(self):
        self.check("saringctl list mode ads ", "enforce", "shadow", "off")
        self.check("saringctl list mode ads s", "shadow")
        self.check("saringctl list add --match s", "subtree", "subdomains")
        self.check("saringctl list export ads --format h", "hosts")
        self.check("saringctl report --format ", "text", "json", "html")
        self.check("saringctl explain --type AA", "AAAA")
        self.check("saringctl completion ", "bash", "zsh", "fish")

    def test_a_value_behind_an_equals_sign(self):
        got = self.offers("saringctl list add --match=s")
        self.assertEqual(sorted(word.split("=")[-1] for word in got), ["subdomains", "subtree"])

    def test_names_of_lists(self):
        self.check(f"saringctl -c {self.config} list show ", "ads", "house")
        self.check(f"saringctl -c {self.config} list add h", "house")
        self.check(f"saringctl --config={self.config} list fetch ads ", "ads", "house")
        self.check(f"saringctl -c {self.config} list add ads ")
        self.check(f"saringctl -c {self.dir}/none.yaml -s {self.dir}/none.sock list show ")
        self.assertFalse(os.path.exists(os.path.join(self.dir, "injected")))

    def test_files(self):
        # some say the last part of a path, some the whole
        def names(line):
            return sorted(os.path.basename(word.rstrip("/")) for word in self.offers(line))

        self.assertEqual(names(f"saringctl check {self.dir}/sar"), ["saring.yaml"])
        self.assertEqual(names(f"saringctl -c {self.dir}/"), ["_saringctl", "inner", "saring.yaml"])
        self.assertEqual(names(f"saringctl list import house {self.dir}/inn"), ["inner"])
        self.assertEqual(names(f"saringctl -c {self.config} impact ad"), ["ads"])


class Bash(Shell, unittest.TestCase):
    name = "bash"

    def offers(self, line):
        # the words as readline splits them: COMP_WORDBREAKS has '='
        program = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; _saringctl; printf "%s\\n" "${COMPREPLY[@]}"'
        words = re.sub(r"=", " = ", line).split(" ") if "=" in line else line.split(" ")
        done = subprocess.run(["bash", "--norc", "-c", program, "bash", self.script, *words], env=self.env, cwd=self.dir, capture_output=True,
                              encoding="utf-8", timeout=WAIT_S, check=True)
        self.assertEqual(done.stderr, "")
        return [word for word in done.stdout.splitlines() if word]

    def test_it_is_registered_and_has_no_need_of_the_package(self):
        done = subprocess.run(["bash", "--norc", "-c", 'source "$1"; complete -p saringctl', "bash", self.script], env=self.env, capture_output=True,
                              encoding="utf-8", timeout=WAIT_S, check=True)
        self.assertIn("-F _saringctl saringctl", done.stdout)

    def test_beside_the_package_on_a_terminal(self):
        """As typed, with bash-completion where it is installed."""
        package = "/usr/share/bash-completion/bash_completion"
        with open(os.path.join(self.dir, ".bashrc"), "w", encoding="utf-8") as f:
            f.write(f"PS1='ready> '; [ -r {package} ] && . {package}; . {self.script}\n")
        out = os.path.join(self.dir, "out")
        typed(["bash", "--rcfile", os.path.join(self.dir, ".bashrc"), "-i"], self.env, self.dir, f"saringctl list mo\tx\b\b >{out}; echo \"done\" >>{out}\r", out)
        with open(out, encoding="utf-8") as f:
            self.assertEqual(f.read(), "done\n")


class Zsh(Shell, unittest.TestCase):
    name = "zsh"

    def offers(self, line):
        out = os.path.join(self.dir, "inner", ".out")
        with open(os.path.join(self.dir, ".zshrc"), "w", encoding="utf-8") as f:
            f.write(f"""PS1="ready> "
LISTMAX=100000
fpath=({self.dir} $fpath)
autoload -Uz compinit
compinit -u -D
compadd() {{
	if [[ ${{@[1,(i)(-|--)]}} == *-(O|A|D)\\ * ]]; then
		builtin compadd "$@"
		return
	fi
	local -a hits
	builtin compadd -A hits "$@"
	print -rl -- "${{hits[@]}}" >>{out}
	builtin compadd "$@"
}}
""")
        typed(["zsh", "-d", "-i"], {**self.env, "ZDOTDIR": self.dir}, self.dir, f"{line}\t\x15print -r -- done >>{out}\r", out)
        with open(out, encoding="utf-8") as f:
            got = f.read().split("\n")
        os.unlink(out)
        return [word for word in got if word and word != "done" and not (word.startswith("-") and not word.startswith("--"))]


def typed(command, env, cwd, text, out):
    """Type text at an interactive shell, until `out` ends in a line "done"."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execvpe(command[0], command, env)
    end = time.monotonic() + WAIT_S
    said, sent = b"", False
    try:
        while time.monotonic() < end:
            if select.select([fd], [], [], 0.05)[0]:
                try:
                    said += os.read(fd, 65536)
                except OSError:
                    break
            if not sent and b"ready> " in said:
                os.write(fd, text.encode())
                sent = True
            if os.path.exists(out):
                with open(out, encoding="utf-8") as f:
                    if f.read().endswith("done\n"):
                        return
        raise AssertionError(f"{command[0]} did not come so far: {said!r}")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(fd)


class Fish(Shell, unittest.TestCase):
    name = "fish"

    def offers(self, line):
        done = subprocess.run(["fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", self.script, line], env=self.env, cwd=self.dir,
                              capture_output=True, encoding="utf-8", timeout=WAIT_S, check=False)
        self.assertEqual(done.stderr, "")
        return [word for word in (one.split("\t")[0] for one in done.stdout.splitlines()) if not (word.startswith("-") and not word.startswith("--"))]


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
