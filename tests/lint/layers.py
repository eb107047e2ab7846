#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check the rules of the house that no compiler checks.

usage: layers.py [--root DIR] text
       layers.py [--root DIR] headers [--build DIR] -- COMPILER...

text     who may include whom, where library headers may stand, own header first, SPDX lines, forbidden words
headers  every header compiles alone, with the include roots its folder has and no more

Each fault is one line, FILE:LINE: text. Exit status 0 when there is none, else 1."""
import argparse
import pathlib
import re
import subprocess
import sys

# Layers, first match wins: name, then what its files' paths begin with. A name ending in "." stands for the .c and the .h of that stem.
LAYERS = [
    ("base", ["lib/base/"]),
    ("wire", ["lib/wire/"]),
    ("ctl", ["lib/ctl/"]),
    ("audit", ["lib/audit/"]),
    ("query log's format", ["lib/qlog/"]),
    ("terms", ["config/policy/terms.", "config/policy/list_mask.", "config/policy/cond", "config/policy/records"]),
    ("settings data", ["config/settings/settings.h", "config/settings/special.h", "config/settings/clients.", "config/settings/schedule.", "config/settings/zone.",
                       "config/settings/locals.h", "config/settings/safe_search.h"]),
    ("settings", ["config/settings/"]),
    ("list", ["config/list/"]),
    ("import", ["config/import/"]),
    ("pattern", ["config/policy/pattern."]),
    ("policy", ["config/policy/"]),
    ("compile", ["config/compile/"]),
    ("cache", ["daemon/cache/"]),
    ("upstream", ["daemon/upstream/"]),
    ("observe", ["daemon/observe/"]),
    ("query log", ["daemon/qlog/"]),
    ("dnstap", ["daemon/dnstap/"]),
    ("names", ["daemon/query/names.", "daemon/query/local."]),
    ("rehearse", ["daemon/query/rehearse."]),
    ("query", ["daemon/query/"]),
    ("listen", ["daemon/listen/"]),
    ("admin", ["daemon/admin/"]),
    ("generation", ["daemon/generation.", "daemon/identity.", "daemon/pauses.", "daemon/pauses_file."]),
    ("thread", ["daemon/thread."]),
    ("worker", ["daemon/worker."]),
    ("jobs", ["daemon/jobs.", "daemon/child."]),
    ("daemon", ["daemon/"]),
    ("saring-compile", ["tools/saring-compile/"]),
    ("saring-fetch", ["tools/saring-fetch/"]),
    ("saringctl", ["tools/saringctl/"]),
    ("tests", ["tests/"]),
]

LIB = ["base", "wire", "query log's format"]
SETTINGS = ["terms", "settings data", "settings"]
MODULES = ["cache", "upstream", "observe"]  # of the daemon; they know each other, but call back into query through a pointer
CONFIG = SETTINGS + ["list", "import", "pattern", "policy", "compile"]

# Who may include whom; a layer may always include itself. What is not here may include nothing of ours.
MAY_INCLUDE = {
    "base": [],
    "wire": ["base"],
    "ctl": ["base"],
    "audit": ["base", "ctl"],
    "query log's format": [],
    "terms": LIB,
    "settings data": LIB + ["terms"],
    "settings": LIB + SETTINGS,
    "pattern": LIB + ["terms", "policy"],
    "policy": LIB + ["terms", "pattern"],
    "list": LIB + SETTINGS,
    "import": LIB + SETTINGS + ["list", "pattern"],  # a reader leaves out what pcre2 refuses
    "compile": LIB + SETTINGS + ["list", "import", "pattern", "policy"],
    "cache": LIB + ["terms", "settings data"] + MODULES,
    "upstream": LIB + ["terms", "settings data"] + MODULES,
    "observe": LIB + ["terms", "settings data"] + MODULES,
    "thread": ["base"],
    "query log": LIB + ["settings data", "terms", "thread"],
    "dnstap": LIB + ["settings data", "terms", "observe", "thread"],
    "names": LIB + ["upstream", "settings data", "generation"],  # of a world alone: explain says by it what is sent
    "query": LIB + MODULES + ["terms", "settings data", "policy", "generation", "names"],
    "rehearse": LIB + MODULES + ["terms", "settings data", "policy", "generation", "names", "query"],
    "listen": LIB + MODULES + ["settings data", "query", "worker", "generation"],
    "generation": LIB + MODULES + SETTINGS + ["policy"],
    "worker": LIB + MODULES + SETTINGS + ["policy", "query", "listen", "generation", "thread"],
    "jobs": LIB + ["ctl"],
    "admin": LIB + MODULES + SETTINGS + ["ctl", "audit", "policy", "names", "rehearse", "jobs", "generation", "worker", "daemon", "query log", "dnstap"],
    "daemon": LIB + MODULES + SETTINGS + ["ctl", "audit", "policy", "query", "listen", "admin", "generation", "worker", "jobs", "query log", "dnstap"],
    "saring-compile": LIB + CONFIG,
    "saring-fetch": ["base", "ctl"],
    "saringctl": LIB + CONFIG + ["ctl", "audit"],
    "tests": None,  # whatever they test
}

# Headers of libraries: what they begin with, and who may include them.
LIBRARIES = [
    ("event2/", ["daemon/listen/", "daemon/upstream/", "daemon/admin/", "daemon/audit/", "daemon/worker.", "daemon/jobs.", "daemon/main_loop.",
                 "daemon/fetch/", "daemon/notify.", "daemon/offline.", "tests/"]),
    ("yaml.h", ["config/settings/yaml.c"]),
    ("ldns/", ["config/import/import_", "config/compile/export_rpz.", "tools/", "tests/"]),
    ("idn2.h", ["lib/wire/"]),
    ("pcre2.h", ["config/policy/"]),
    ("libpsl.h", ["config/compile/", "tools/saringctl/"]),
    ("jansson.h", ["lib/ctl/", "lib/audit/", "config/import/report.", "daemon/admin/", "daemon/audit/", "daemon/jobs.", "daemon/rebuild/",
                   "daemon/fetch/", "daemon/pauses_file.", "daemon/pausing.", "daemon/daemon.", "daemon/offline.", "daemon/review.", "daemon/signed.", "tools/", "tests/"]),
    ("curl/", ["tools/saring-fetch/"]),
    ("seccomp.h", ["lib/base/sieve.c"]),
    ("sodium.h", ["lib/audit/", "config/import/signature.", "tests/"]),
    ("libsmartcols", ["tools/saringctl/"]),
    ("systemd/", ["daemon/"]),
    ("sqlite3.h", ["daemon/qlog/", "tools/saringctl/", "tests/"]),
    ("fstrm", ["daemon/dnstap/", "tests/"]),
    ("protobuf-c/", ["daemon/dnstap/", "tests/"]),
    ("cmocka.h", ["tests/"]),
]

# The include roots each top folder has, as meson.build gives them.
ROOTS = {
    "lib": ["lib"],
    "config": ["lib", "config"],
    "daemon": ["lib", "config", "daemon"],
    "tools": ["lib", "config", "tools"],
    "tests": ["lib", "config", "daemon", "tools", "tests/unit"],
}

GENERATED = {"version.h", "dnstap.pb-c.h"}
SKIPPED = {".git", "__pycache__", ".pytest_cache", "node_modules"}
SPDX = "SPDX-License-Identifier:"
SPDX_SUFFIXES = {".c", ".h", ".py", ".sh"}
SPDX_NAMES = {"meson.build"}
PROSE_SUFFIXES = {".md"}  # may speak of notes; code may not leave any

# Spelled in halves, so that this file passes its own check.
FORBIDDEN = ["/wor" + "k/", "../sha" + "red"]
NOTES = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b(?!\s*\(?#[0-9])")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def begins_with(path, prefixes):
    return any(path.startswith(prefix) for prefix in prefixes)


def layer_of(path):
    for name, prefixes in LAYERS:
        if begins_with(path, prefixes):
            return name
    return None


def files_of(root):
    """Every file of the tree, as paths relative to it; build directories are left out."""
    found, folders = [], [root]
    while folders:
        for path in sorted(folders.pop().iterdir()):
            if path.is_symlink() or path.name in SKIPPED:  # of a linked work tree, .git is a file
                continue
            if path.is_dir():
                if not (path / "meson-private").is_dir():
                    folders.append(path)
            elif path.is_file():
                found.append(path.relative_to(root).as_posix())
    return sorted(found)


def text_of(path):
    """The lines of a text file; None for a binary one."""
    data = path.read_bytes()
    if b"\0" in data:
        return None
    return data.decode("utf-8", "replace").splitlines()


def includes_of(lines):
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) == '"', match.group(2)


def resolve(root, path, name):
    """The file that an #include "name" in path means, or None. Only tests may name a neighbour without its folder."""
    folders = list(ROOTS.get(path.split("/")[0], []))
    if path.startswith("tests/"):
        folders.insert(0, str(pathlib.PurePosixPath(path).parent))
    for folder in folders:
        if (root / folder / name).is_file():
            return f"{folder}/{name}"
    return None


def check_quoted(root, path, layer, name):
    """Faults of one #include "name"."""
    if ".." in name.split("/"):
        yield f'"{name}" leaves its folder: name it from the include root'
        return
    if name in GENERATED:
        return
    target = resolve(root, path, name)
    if target is None:
        yield f'"{name}" is not found from the include roots of {path.split("/")[0]}/'
        return
    target_layer = layer_of(target)
    allowed = MAY_INCLUDE.get(layer, [])
    if allowed is not None and target_layer != layer and target_layer not in allowed:
        yield f'"{name}": {layer} may not include {target_layer}'


def check_angled(path, name):
    """Faults of one #include <name>."""
    for prefix, users in LIBRARIES:
        if name.startswith(prefix) and not begins_with(path, users):
            yield f"<{name}> may be included in {', '.join(users)} only"


def own_header(path):
    """What a .c file must include first: its twin, named from the include root."""
    return path.split("/", 1)[1][:-2] + ".h"


def check_includes(root, path, lines):
    layer = layer_of(path)
    if layer is None:
        yield 1, "this file belongs to no layer: add its folder to LAYERS"
        return
    seen = list(includes_of(lines))
    for number, quoted, name in seen:
        for fault in check_quoted(root, path, layer, name) if quoted else check_angled(path, name):
            yield number, fault
    twin = (root / path).with_suffix(".h")
    if path.endswith(".c") and twin.is_file() and not path.startswith("tests/"):
        number, quoted, name = seen[0] if seen else (1, False, "")
        if not quoted or name != own_header(path):
            yield number, f'"{own_header(path)}" must be included first, so that it proves to stand alone'


def needs_spdx(path, lines):
    pure = pathlib.PurePosixPath(path)
    return pure.suffix in SPDX_SUFFIXES or pure.name in SPDX_NAMES or (bool(lines) and lines[0].startswith("#!"))


def check_words(path, lines):
    if needs_spdx(path, lines):
        head = lines[:1] if path.endswith((".c", ".h")) else lines[:2]
        if not any(SPDX in line for line in head):
            yield 1, f"there is no line with {SPDX} at the top"
    for number, line in enumerate(lines, 1):
        for word in FORBIDDEN:
            if word in line:
                yield number, f"'{word}' has no place in this repository"
        note = NOTES.search(line)
        if note and pathlib.PurePosixPath(path).suffix not in PROSE_SUFFIXES:
            yield number, f"{note.group(1)} without the number of an issue"


def check_text(root):
    for path in files_of(root):
        lines = text_of(root / path)
        if lines is None:
            continue
        faults = list(check_words(path, lines))
        if path.endswith((".c", ".h")):
            faults += check_includes(root, path, lines)
        for number, fault in faults:
            yield f"{path}:{number}: {fault}"


def check_headers(root, build, compiler):
    """Each header twice in one file: it needs nothing before it, and does not mind to be there already."""
    headers = [path for path in files_of(root) if path.endswith(".h")]
    if not headers:
        yield "no header was found"
    for path in headers:
        top = path.split("/")[0]
        roots = [root / folder for folder in ROOTS.get(top, [])] + ([build] if build else [])
        command = compiler + ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Wstrict-prototypes", "-Werror",
                              "-fsyntax-only", "-x", "c", "-"]
        command += [f"-I{folder}" for folder in roots]
        source = f'#include "{root / path}"\n' * 2
        done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()[:1]
            yield f"{path}:1: does not compile alone: {lines[0] if lines else 'the compiler said nothing'}"


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--build", type=pathlib.Path)
    parser.add_argument("what", choices=["text", "headers"])
    parser.add_argument("compiler", nargs="*")
    args = parser.parse_args()
    root = args.root.resolve()
    if args.what == "text":
        faults = list(check_text(root))
    else:
        faults = list(check_headers(root, args.build, args.compiler or ["cc"]))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
