#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""saringctl(1) against the tables of the program: every verb has its item, and every option of a verb stands there; and no item and
no option is of a verb that is none."""
import os
import re
import subprocess
import sys
import unittest

SARINGCTL = os.environ["SARINGCTL"]
MANUAL = os.environ["SARINGCTL_MAN"]
GLOBAL = {"config", "socket", "json", "help", "version"}


def tool(*args):
    return subprocess.run([SARINGCTL, *args], capture_output=True, encoding="utf-8", timeout=60, check=True,
                          env={**os.environ, "COLUMNS": "200"}).stdout


def verbs():
    found = []
    for line in tool("--help").split("Options of every verb:")[0].splitlines():
        if re.match(r"  [a-z]", line):
            words = line[2:].split("  ")[0].split()
            verb = [words[0]]
            if len(words) > 1 and re.fullmatch(r"[a-z-]+", words[1]):
                verb.append(words[1])
            found.append(tuple(verb))
    return found


def options(verb):
    """Of the verb alone, by their long names, with the letter or None."""
    own = tool(*verb, "--help").split("Options of every verb:")[0]
    return {name: letter for letter, name in re.findall(r"(?m)^  (?:-(\w), |    )--([\w-]+)", own)}


def items():
    """The text of each verb's item, up to the next item of a verb or the next part."""
    known = set(verbs())
    text, current, found = [], None, {}
    with open(MANUAL, encoding="utf-8") as f:
        for line in f:
            if line.startswith((".Ss ", ".Sh ")):
                current = None
            said = re.match(r"\.It Cm ((?:[a-z-]+ ?)+)", line)
            if said:
                words = tuple(said[1].split())
                for length in (2, 1):
                    if words[:length] in known and len(words) >= length:
                        current = words[:length]
                        break
            if current:
                found.setdefault(current, []).append(line)
            text.append(line)
    return {verb: "".join(lines) for verb, lines in found.items()}


class Manual(unittest.TestCase):
    def test_every_verb_has_its_item(self):
        self.assertGreater(len(verbs()), 20)
        self.assertEqual(sorted(set(verbs()) - set(items())), [])

    def test_options_of_each_verb(self):
        written = items()
        for verb in verbs():
            if verb not in written:
                continue
            with self.subTest(verb=" ".join(verb)):
                said = set(re.findall(r"Fl -([\w-]+)", written[verb])) | set(re.findall(r"Fl (\w)\b", written[verb]))
                for name, letter in options(verb).items():
                    self.assertTrue(name in said or (letter and letter in said), f"--{name} of '{' '.join(verb)}' is not in its item")

    def test_synopsis_names_no_option_that_is_none(self):
        for verb, text in items().items():
            synopsis = "".join(line for line in text.splitlines(True) if line.startswith(".It Cm " + " ".join(verb)))
            may = set(options(verb)) | GLOBAL | {letter for letter in options(verb).values() if letter}
            said = set(re.findall(r"Fl -([\w-]+)", synopsis)) | set(re.findall(r"Fl (\w)\b", synopsis))
            self.assertLessEqual(said, may, " ".join(verb))

    def test_help_of_each_verb_is_whole(self):
        for verb in verbs():
            text = tool(*verb, "--help")
            with self.subTest(verb=" ".join(verb)):
                self.assertTrue(text.startswith(f"usage: saringctl {' '.join(verb)}"))
                for part in ("\nOptions of every verb:\n", "\nExamples:\n  ", "\nExit status:\n  0   "):
                    self.assertIn(part, text)
                for example in re.findall(r"(?m)^  (.*)$", text.split("\nExamples:\n")[1].split("\nExit status:")[0]):
                    self.assertIn("saringctl ", example)

    def test_help_keeps_to_the_width(self):
        for columns in (60, 80, 200):
            for verb in [()] + verbs():
                done = subprocess.run([SARINGCTL, *verb, "--help"], capture_output=True, encoding="utf-8", timeout=60, check=True,
                                      env={**os.environ, "COLUMNS": str(columns)})
                text = done.stdout.split("\nExamples:\n")[0]
                self.assertEqual([line for line in text.splitlines() if len(line) > min(columns, 110)], [], f"{verb} at {columns}")


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
