# SPDX-License-Identifier: BSD-2-Clause
"""What the guides and README.md show is true: whole configurations are sound, whole lists are read, the verbs and options of shell
examples exist, and links lead somewhere."""
import pathlib
import re
import shlex

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md")) + [ROOT / "README.md"]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
CONFIGURATION = "# a whole configuration\n"
LIST = re.compile(r"[#;] a whole list: (\S+)\n")
SHELL_END = {"|", ">", "<", "&&", ";", "#"}


def blocks(page, *kinds):
    return [m[2] for m in BLOCK.finditer(page.read_text(encoding="utf-8")) if m[1] in kinds]


def commands(page):
    """Each saringctl of the page's shell examples, as words."""
    for block in blocks(page, "sh"):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] == "saringctl":
                yield line, words[1:next((i for i, w in enumerate(words) if w in SHELL_END), len(words))]


@pytest.fixture
def tool(saringd):
    return saringd({}, start=False)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_configurations(tool, page):
    """Each by saringctl check and by saringd -t, with the page's own lists beside it."""
    for text in blocks(page, "yaml", "rpz"):
        if named := LIST.match(text):
            (tool.home / named[1]).write_text(text, encoding="utf-8")
    for text in blocks(page, "yaml"):
        if not text.startswith(CONFIGURATION):
            assert LIST.match(text) or page.name == "README.md", text
            continue
        path = tool.home / "docs.yaml"
        path.write_text(text + "state: state\n", encoding="utf-8")
        checked = tool.run("saringctl", "check", path)
        assert checked.code == 0 and "no errors" in checked.out, checked
        done = tool.run("saringd", "-c", path, "-t")
        assert done.code == 0, done


def test_there_are_configurations():
    """The marks are not forgotten."""
    whole = [p.stem for p in PAGES if any(b.startswith(CONFIGURATION) for b in blocks(p, "yaml"))]
    assert set(whole) >= {"home-router", "office-groups", "isp-mandated-lists", "from-unbound-rpz"}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_shell_examples(tool, page):
    helped = {}
    for line, words in commands(page):
        bare = [w for w in words if not w.startswith("-")]
        verb = next((tuple(bare[:n]) for n in (2, 1) if bare[:n] and tool.run("saringctl", *bare[:n], "--help").code == 0), None)
        assert verb, line
        if verb not in helped:
            helped[verb] = tool.run("saringctl", *verb, "--help").out
        for option in (w for w in words if w.startswith("-")):
            assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", helped[verb]), (line, option, helped[verb])


def test_links():
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), (page.name, link)


def test_manuals():
    """The guides name the manuals, and each is there."""
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    manuals = {f"{m.stem}({m.suffix[1:]})" for folder in ("daemon", "config", "tools/saringctl") for m in (ROOT / folder).glob("*.[1-8]")}
    assert manuals == {"saringd(8)", "saringctl(1)", "saring.yaml(5)", "saring-lists(5)"}
    assert all(m in index for m in manuals)
