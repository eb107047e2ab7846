#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""One version: meson.build's is that of the newest part of NEWS.md and of the Debian changelog.

Usage: version.py SOURCE_ROOT. Prints each fault as FILE: text, exits 1 if there was one.
"""
import pathlib
import re
import sys

PLACES = {
    'meson.build': r"^project\([^)]*?\bversion: '([^']+)'",
    'NEWS.md': r'^## (\d\S*?),? ',
    # within a source package, debian/ has moved to where dpkg wants it
    'systemd/packaging/debian/changelog debian/changelog': r'^saring \(([^)]+)\)',
}


def main():
    root = pathlib.Path(sys.argv[1])
    seen, faults = {}, []
    for names, pattern in PLACES.items():
        paths = [root / name for name in names.split() if (root / name).exists()]
        found = re.search(pattern, paths[0].read_text(encoding='utf-8'), re.M) if paths else None
        if found:
            seen[paths[0].relative_to(root)] = found.group(1)
        else:
            faults.append(f'{names.split()[0]}: says no version')
    wanted = seen.get(pathlib.Path('meson.build'))
    faults += [f"{name}: is of version {version}, meson.build of {wanted}" for name, version in seen.items() if version != wanted]
    print('\n'.join(faults) or f'{wanted}, everywhere')
    return 1 if faults else 0


sys.exit(main())
