#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every header compiles alone, under the flags of its folder.

    headers.py SOURCE_ROOT BUILD_ROOT

A header that some source of the build includes first has been compiled alone by the build; only
the others are compiled here. Flags come from compile_commands.json: those of a source in the
header's folder, or of one nearest to it. Headers of folders that this build leaves out have no
flags and are named, not judged. ccache, where installed, makes the second run quick.
"""
import concurrent.futures
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

import lint


def entries(build):
    """(source, its entry) of everything the build compiles."""
    for entry in json.loads((build / 'compile_commands.json').read_text()):
        path = pathlib.Path(entry['directory']) / entry['file']
        yield pathlib.Path(os.path.normpath(path)), entry


def included_first(tree, build):
    """The headers that a source of the build includes before anything else."""
    found = set()
    for source, _ in entries(build):
        if not source.is_relative_to(tree.root) or not source.exists():
            continue
        for _, header in lint.includes(tree, source.relative_to(tree.root)):
            found.add(header.strip('<>"'))
            break
    return found


def flags_by_folder(build):
    flags = {}
    for source, entry in entries(build):
        words, kept, skip = shlex.split(entry['command']), [], False
        for word in words:
            if skip:
                skip = False
            elif word in ('-o', '-MF', '-MQ', '-MT'):
                skip = True
            elif word not in ('-c', '-MD', '-MMD', entry['file']):
                kept.append(word)
        flags.setdefault(source.parent, kept)
    return flags


def flags_for(folder, flags, root):
    for near in [folder, *folder.parents]:
        if near in flags:
            return flags[near]
        below = [f for f in flags if near in f.parents]
        if below:
            return flags[min(below)]
        if near == root:
            return None
    return None


def compile_alone(header, command, build, root):
    out = build / 'headers' / (header.replace('/', '_') + '.cc')
    text = f'#include "{header}"\n'
    if not out.exists() or out.read_text() != text:
        out.write_text(text)
    if 'ccache' not in command[0] and shutil.which('ccache'):
        command = ['ccache', *command]
    ran = subprocess.run([*command, '-O0', '-g0', '-I', str(root), '-c', str(out), '-o',
                          str(out.with_suffix('.o'))],
                         cwd=build, capture_output=True, text=True, check=False)
    return header, ran.returncode, ran.stderr


def main():
    tree, build = lint.Tree(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    (build / 'headers').mkdir(exist_ok=True)
    flags = flags_by_folder(build)
    proven = included_first(tree, build)
    jobs, failed, by_build = [], 0, 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for header in tree.ending(('.h',)):
            if header in proven:
                by_build += 1
                continue
            command = flags_for((tree.root / header).parent, flags, tree.root)
            top = header.split('/')[0]
            if command is None or not any((tree.root / top) in [f, *f.parents] for f in flags):
                print(f'{header}: not in this build')
                continue
            jobs.append(pool.submit(compile_alone, header, command, build, tree.root))
        for job in concurrent.futures.as_completed(jobs):
            header, code, errors = job.result()
            if code != 0:
                failed += 1
                print(f'{header}:1: does not compile alone: include what it uses\n{errors}')
    print(f'{by_build} headers compiled first in a source, {len(jobs)} here, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
