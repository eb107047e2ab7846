#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every setting of the schema is in the manual and in the shipped saring.yaml, with its default, and they have no others.

Usage: settings.py SOURCE_ROOT. Prints each fault as FILE: text, exits 1 if there was one.
"""
import pathlib
import re
import sys

import yaml

STRING = r'"((?:[^"\\]|\\.)*)"'


def unescape(text):
    return text.replace('\\"', '"').replace('\\\\', '\\')


def read_schema(text):
    """path -> {'section', 'fallback', 'restart', 'help'}, from the C table."""
    table = text[text.index('schema_keys[] = {'):text.index('schema_key_count')]
    rows = {}
    for row in re.split(r'\{(?=\.path = )', table)[1:]:
        def field(name):
            found = re.search(r'\.%s = %s' % (name, STRING), row)
            return unescape(found.group(1)) if found else None
        kind = re.search(r'\.type = SCHEMA_(\w+)', row).group(1)
        rows[field('path')] = {'section': kind in ('SECTION', 'LISTS', 'ROUTES', 'GROUPS', 'SCHEDULE'), 'fallback': field('fallback'),
                               'restart': 'RELOAD_AT_RESTART' in row, 'help': field('help')}
    return rows


def key_paths(root):
    """Every key of a parsed file as the schema writes it, and its value. A stack, as the depth is the file's."""
    found, stack = {}, [('', root)]
    while stack:
        prefix, node = stack.pop()
        if isinstance(node, list):
            stack += [(prefix[:-1] + '[].', item) for item in node if isinstance(item, dict)]
        elif isinstance(node, dict):
            for key, value in node.items():
                found.setdefault(prefix + key, []).append(value)
                stack.append((prefix + key + '.', value))
    return found


def uncomment(text):
    """'#key: value' and '#- item' become settings; '# prose' stays a comment."""
    return re.sub(r'^( *)#(?=\S)', r'\1', text, flags=re.M)


def check_yaml(name, text, schema):
    faults = []
    shown = key_paths(yaml.load(uncomment(text), Loader=yaml.BaseLoader))
    active = key_paths(yaml.load(text, Loader=yaml.BaseLoader))
    faults += [f'{name}: the key {path} is missing' for path in schema if path not in shown]
    faults += [f'{name}: the key {path} is not in schema.c' for path in shown if path not in schema]
    for path, row in schema.items():
        if row['fallback'] is None or path not in shown:
            continue
        default = yaml.load(row['fallback'], Loader=yaml.BaseLoader)
        if path in active and active[path] != ['']:
            if 'Default: ' + row['fallback'] not in text:
                faults.append(f'{name}: {path} is set, and no comment says "Default: {row["fallback"]}"')
        elif shown[path] != [default]:
            faults.append(f'{name}: {path} is shown as {shown[path]}, and its default is {default!r}')
    return faults


def manual_items(text):
    """path -> the text of its item in the manual, macros taken out."""
    items = {}
    for part in re.split(r'^\.It Ic ', text, flags=re.M)[1:]:
        head, _, body = part.partition('\n')
        body = re.split(r'^\.(?:Sh|Ss)\b', body, flags=re.M)[0]
        items[head.split()[0]] = re.sub(r'^\.(?:Ql|Pp|Pa|Cm|Li) ?', '', body, flags=re.M).replace('\\&', '')
    return items


def check_manual(name, text, schema):
    items = manual_items(text)
    faults = [f'{name}: the key {path} is missing' for path in schema if path not in items]
    faults += [f'{name}: the key {path} is not in schema.c' for path in items if path not in schema]
    for path, row in schema.items():
        body = ' '.join(items.get(path, '').split())
        if path not in items:
            continue
        if row['fallback'] is not None and 'Default: ' + row['fallback'].replace('"', '\\(dq') not in body:
            faults.append(f'{name}: {path} does not say "Default: {row["fallback"]}"')
        if row['restart'] != ('takes effect at a restart' in body):
            faults.append(f'{name}: {path} is wrong about whether a change "takes effect at a restart"')
    return faults


def main():
    root = pathlib.Path(sys.argv[1])
    schema = read_schema((root / 'config/settings/schema.c').read_text())
    faults = [f'schema.c: {path} has no help' for path, row in schema.items() if not row['help']]
    if len(schema) < 40:
        faults.append(f'schema.c: only {len(schema)} rows were understood')
    faults += check_yaml('saring.yaml', (root / 'config/saring.yaml').read_text(), schema)
    faults += check_manual('saring.yaml.5', (root / 'config/saring.yaml.5').read_text(), schema)
    print('\n'.join(faults) if faults else f'{len(schema)} keys agree')
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
