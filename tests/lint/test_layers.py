#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""layers.py is asked about small trees with one fault each: a check that finds nothing anywhere would pass unseen."""
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import layers  # noqa: E402

HEAD = "/* SPDX-License-Identifier: BSD-2-Clause */\n"


class Text(unittest.TestCase):
    def faults(self, files):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for path, text in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(text if isinstance(text, bytes) else text.encode())
            return list(layers.check_text(root))

    def includes(self, path, line, *headers):
        """The faults of one #include line in path; headers are there to be included."""
        files = {header: HEAD for header in headers}
        files[path] = HEAD + line + "\n"
        return self.faults(files)

    def test_sound(self):
        self.assertEqual(self.includes("lib/wire/a.c", '#include "base/b.h"', "lib/base/b.h"), [])
        self.assertEqual(self.includes("lib/wire/a.c", "#include <string.h>"), [])
        self.assertEqual(self.includes("daemon/main.c", '#include "version.h"'), [])
        self.assertEqual(self.includes("tests/unit/wire/test_a.c", '#include "neighbour.h"', "tests/unit/wire/neighbour.h"), [])

    def test_who_may_include_whom(self):
        pairs = {
            # each pair: file, header -> may it?
            ("lib/base/a.c", "lib/wire/x.h"): False,
            ("lib/wire/a.c", "lib/ctl/x.h"): False,
            ("lib/ctl/a.c", "lib/base/x.h"): True,
            ("config/settings/a.c", "config/policy/terms.h"): True,
            ("config/settings/a.c", "config/policy/match.h"): False,
            ("config/settings/a.c", "config/list/x.h"): False,
            ("config/policy/match.c", "config/settings/settings.h"): False,
            ("config/policy/image_map.c", "config/compile/compile.h"): False,
            ("config/compile/compile.c", "config/policy/image.h"): True,
            ("config/compile/compile.c", "config/list/list.h"): True,
            ("config/list/a.c", "config/policy/match.h"): False,
            ("config/list/a.c", "config/policy/terms.h"): True,
            ("config/list/a.c", "config/settings/yaml.h"): True,
            ("daemon/cache/a.c", "daemon/query/query.h"): False,
            ("daemon/cache/a.c", "config/settings/settings.h"): True,
            ("daemon/cache/a.c", "config/settings/load.h"): False,
            ("daemon/upstream/a.c", "daemon/observe/counters.h"): True,
            ("daemon/query/a.c", "daemon/worker.h"): False,
            ("daemon/query/a.c", "config/policy/match.h"): True,
            ("daemon/query/a.c", "daemon/generation.h"): True,
            ("daemon/listen/a.c", "daemon/worker.h"): True,
            ("daemon/listen/a.c", "daemon/admin/x.h"): False,
            ("daemon/admin/a.c", "daemon/jobs.h"): True,
            ("daemon/daemon.c", "config/list/list.h"): False,
            ("daemon/daemon.c", "config/compile/compile.h"): False,
            ("daemon/admin/a.c", "config/compile/compile.h"): False,
            ("tools/saringctl/a.c", "config/list/edit.h"): True,
            ("tools/saring-compile/a.c", "config/compile/compile.h"): True,
        }
        for (path, header), allowed in pairs.items():
            name = header.split("/", 1)[1]
            found = self.includes(path, f'#include "{name}"', header)
            with self.subTest(path=path, header=header):
                self.assertEqual(found == [], allowed, found)

    def test_roots(self):
        self.assertIn("not found", self.includes("tools/saringctl/a.c", '#include "cache/cache.h"', "daemon/cache/cache.h")[0])
        self.assertIn("not found", self.includes("lib/wire/a.c", '#include "nothing.h"')[0])
        self.assertIn("not found", self.includes("lib/wire/a.c", '#include "b.h"', "lib/wire/b.h")[0])  # a neighbour by bare name
        self.assertIn("leaves its folder", self.includes("lib/wire/a.c", '#include "../base/b.h"', "lib/base/b.h")[0])
        self.assertIn("no layer", self.faults({"elsewhere/a.c": HEAD})[0])

    def test_libraries(self):
        places = {
            ("daemon/query/a.c", "event2/event.h"): False,
            ("daemon/upstream/a.c", "event2/event.h"): True,
            ("daemon/generation.c", "event2/event.h"): False,
            ("daemon/worker.c", "event2/event.h"): True,
            ("config/settings/yaml.c", "yaml.h"): True,
            ("config/settings/load.c", "yaml.h"): False,
            ("daemon/query/a.c", "ldns/ldns.h"): False,
            ("config/import/import_rpz.c", "ldns/ldns.h"): True,
            ("tests/unit/wire/a.c", "ldns/ldns.h"): True,
            ("config/settings/a.c", "idn2.h"): False,
            ("lib/wire/a.c", "idn2.h"): True,
            ("config/list/a.c", "pcre2.h"): False,
            ("config/policy/a.c", "pcre2.h"): True,
            ("daemon/cache/a.c", "jansson.h"): False,
            ("lib/ctl/a.c", "jansson.h"): True,
            ("tools/saringctl/a.c", "libsmartcols.h"): True,
            ("daemon/admin/a.c", "libsmartcols.h"): False,
            ("lib/base/a.c", "cmocka.h"): False,
        }
        for (path, header), allowed in places.items():
            with self.subTest(path=path, header=header):
                self.assertEqual(self.includes(path, f"#include <{header}>") == [], allowed)

    def test_own_header_first(self):
        files = {"lib/base/a.h": HEAD, "lib/base/b.h": HEAD}
        for lines in ['#include <stdio.h>\n#include "base/a.h"\n', '#include "base/b.h"\n#include "base/a.h"\n', ""]:
            found = self.faults({**files, "lib/base/a.c": HEAD + lines})
            self.assertEqual(len(found), 1)
            self.assertIn("first", found[0])
        self.assertEqual(self.faults({**files, "lib/base/a.c": HEAD + '\n#include "base/a.h"\n#include <stdio.h>\n'}), [])

    def test_spdx(self):
        for path, text in [("lib/base/a.c", "int x;\n"), ("lib/base/a.h", "\n" + HEAD), ("a/meson.build", "x = 1\n"), ("t.py", ""),
                           ("t.sh", "#!/bin/sh\n"), ("tools/run", "#!/bin/sh\nset -e\n")]:
            with self.subTest(path=path):
                self.assertIn("SPDX", self.faults({path: text})[0])
        self.assertEqual(self.faults({"tools/run": "#!/bin/sh\n# SPDX-License-Identifier: BSD-2-Clause\n", "README.md": "text\n"}), [])

    def test_words(self):
        for word in layers.FORBIDDEN:
            self.assertEqual(self.faults({"README.md": f"fine\nsee {word}x\n"})[0].split(":")[:2], ["README.md", "2"])
        note = "TO" + "DO"
        self.assertIn("issue", self.faults({"meson.txt": note + ": later\n"})[0])
        self.assertEqual(self.faults({"meson.txt": note + " #12: later\n" + note + "(#3)\n", "README.md": note + "\n"}), [])
        self.assertEqual(self.faults({"corpus/x": b"\0" + layers.FORBIDDEN[0].encode()}), [])  # binary

    def test_build_folders_are_left_out(self):
        self.assertEqual(self.faults({"build/meson-private/x": "", "build/a.c": "no licence\n", ".git/a.c": "no licence\n"}), [])


class Headers(unittest.TestCase):
    def faults(self, files):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for path, text in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            return list(layers.check_headers(root, None, sys.argv[1:] or ["cc"]))

    def test_alone(self):
        guarded = "#ifndef A\n#define A\n#include <stddef.h>\nstruct a { size_t n; };\n#endif\n"
        self.assertEqual(self.faults({"lib/base/a.h": guarded}), [])
        self.assertIn("compile alone", self.faults({"lib/base/a.h": "#ifndef A\n#define A\nsize_t n(void);\n#endif\n"})[0])
        self.assertIn("compile alone", self.faults({"lib/base/a.h": "struct a { int n; };\n"})[0])  # no guard
        self.assertIn("compile alone", self.faults({"lib/base/a.h": guarded, "lib/base/b.h": '#include "policy/x.h"\n',
                                                    "config/policy/x.h": "\n"})[0])  # a root it has not
        self.assertNotEqual(self.faults({}), [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
