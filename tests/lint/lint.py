#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the tree to the rules that a compiler does not know.

    lint.py SOURCE_ROOT CHECK     runs one check; exit 1 and `file:line: what: remedy` per violation
    lint.py SOURCE_ROOT           runs all of them

Every check is a function over the sources, with its rule as its docstring. Files are what git
tracks or would track; a tree without git is walked. What a rule excuses stands in a table here,
with the reason beside it.
"""
import pathlib
import re
import subprocess
import sys

CODE = ('.h', '.cc')
COMMENTED = ('.h', '.cc', '.py', '.sh', '.build', '.toml', '.ts', '.tsx', '.mjs', '.css')
FOLDERS = ('protocols', 'tls', 'dataplane', 'control', 'bench', 'tests')

STANDARD = re.compile(r'^<[a-z_0-9]+>$')  # no .h, no folder: a C++ standard header
# By name: libraries' headers have no folder of their own either (<sqlite3.h>, <rte_mbuf.h>).
POSIX = re.compile(r'^<(sys/[a-z]+|netinet/in|arpa/inet|net/if|linux/[a-z_]+|fcntl|ifaddrs|locale'
                   r'|dlfcn|malloc|netdb|poll|pthread|sched|termios|unistd)\.h>$')
OPENSSL = re.compile(r'^<openssl/')
IPSEC = re.compile(r'^<(intel-ipsec-mb|ipsec-mb)\.h>$')
DPDK = re.compile(r'^<(rte_|bus_|generic/rte_)')
ABSEIL = re.compile(r'^["<]absl/')
BENCHMARK = re.compile(r'^<benchmark/')
VALGRIND = re.compile(r'^<valgrind/')
JSON = re.compile(r'^<nlohmann/')
CONTROL_LIBRARIES = re.compile(
    r'^["<](sqlite3\.h|httplib\.h|zlib\.h|nlohmann/|toml\+\+/|toml\.hpp|archive|prometheus/)')

# Folder: (other headers it may include, folders of ours it may include).
LAYERS = {
    'protocols': ((), ('protocols/',)),
    'tls': ((OPENSSL, IPSEC, POSIX), ('protocols/', 'tls/')),
    'dataplane': ((DPDK, ABSEIL, POSIX), ('protocols/', 'tls/', 'dataplane/')),
    'control': ((ABSEIL, CONTROL_LIBRARIES, OPENSSL, POSIX),
                ('protocols/', 'tls/', 'control/', 'dataplane/snapshot.h', 'dataplane/event.h',
                 'dataplane/capture.h')),
    'bench': ((DPDK, ABSEIL, OPENSSL, IPSEC, BENCHMARK, VALGRIND, JSON, POSIX),
              ('protocols/', 'tls/', 'dataplane/', 'bench/')),
}
# File: what it may include beyond its folder's rule, and why.
LAYER_EXCEPTIONS = {
    # The composition root joins both sides, and nothing includes it.
    'dataplane/main.cc': ('control/',),
    # It measures on the same certificates and clients as the fuzzers use.
    'bench/seal_bench.cc': ('tests/fuzz/tls_fixture.h',),
    # DHCP is measured with leases on disk, by the journal that the product writes.
    'bench/rows/fast_wire.cc': ('control/state/lease_book.h', 'control/store/'),
    # The control plane of a large site is what these measure.
    'bench/catalog/main.cc': ('control/', '<httplib.h>'),
    'bench/catalog/site.cc': ('control/',),
    'dataplane/compose.h': ('control/config/config.h', 'control/config/devices.h', 'control/seams.h'),
}

# Where reinterpret_cast may stand, and why.
CASTS = {
    'protocols/wire/view.h': 'Take and Place: the one cast from bytes to layouts, after the length',
    'protocols/base/bytes.h': 'characters as bytes and back',
    'dataplane/eal_image_memory.cc': 'addresses as numbers: is a slice inside the arena?',
    'dataplane/packet_pool.cc': "DPDK takes a buffer's I/O address as a number",
    'dataplane/packet_socket.cc': 'the sockets interface is defined in terms of it',
    'dataplane/port_name.cc': 'the sockets interface is defined in terms of it',
}
CAST_FOLDERS = {
    'tls/': "OpenSSL's and ipsec-mb's C interfaces take char* for bytes",
    'tests/': 'oracles: other stacks and C libraries stand beside ours',
    'bench/': 'other C libraries to measure against',
}

LINES_MAX = 600
TEST_LINES_MAX = 1000
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.files = sorted(self._list())

    def _list(self):
        listed = subprocess.run(['git', '-C', self.root, 'ls-files', '-z', '--cached', '--others',
                                 '--exclude-standard'], capture_output=True, check=False)
        if listed.returncode == 0:
            names = listed.stdout.decode().split('\0')
        else:
            names = [str(p.relative_to(self.root)) for p in self.root.rglob('*')]
            names = [n for n in names
                     if not re.match(r'(build[^/]*|\.git|\.demo|control/web/node_modules)/', n)]
        return [n for n in names if n and (self.root / n).is_file()]

    def lines(self, name):
        return (self.root / name).read_text(encoding='utf-8', errors='replace').splitlines()

    def ending(self, endings):
        return [n for n in self.files if n.endswith(endings)]


def blank(lines):
    """The same lines with comments and literals emptied, so that only code is left to look at."""
    text = '\n'.join(lines)
    pattern = re.compile(
        r'R"([^(\s]*)\((?:.|\n)*?\)\1"|//[^\n]*|/\*(?:.|\n)*?\*/'
        r'|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Za-z_])\'(?:\\.|[^\'\\\n])*\'')
    keep_lines = lambda match: re.sub(r'[^\n]', ' ', match.group())
    return pattern.sub(keep_lines, text).split('\n')


def includes(tree, name):
    for number, line in enumerate(tree.lines(name), 1):
        match = re.match(r'\s*#\s*include\s*(<[^>]+>|"[^"]+")', line)
        if match:
            yield number, match.group(1)


def check_layers(tree):
    """Includes follow the table of layers: protocols <- tls <- dataplane; control beside them."""
    for name in tree.ending(CODE):
        folder = name.split('/')[0]
        if folder not in LAYERS:
            continue
        others, ours = LAYERS[folder]
        ours = ours + LAYER_EXCEPTIONS.get(name, ())
        for number, header in includes(tree, name):
            if header.startswith('"') and header[1:].startswith(ours) or header in ours:
                continue
            if STANDARD.match(header) or any(other.match(header) for other in others):
                continue
            yield name, number, f'{folder}/ may not include {header}', \
                'move the code to the layer that may, or pass what it needs as a value'


NAMESPACE_OR_TYPE = re.compile(
    r'\bnamespace\s*([\w:]*)\s*\{|\b(?:struct|class|union|enum(?:\s+class)?)\s+(\w+)(?:\s+final)?'
    r'\s*(?::(?!:)[^;{()]*)?\{|[{}]')


def types_defined(lines):
    """Each type that other files could see, with its namespace, and the line of its definition."""
    text = '\n'.join(blank(lines))
    inside = []  # the name of each brace that is open; None: no namespace, '': one without a name
    for match in NAMESPACE_OR_TYPE.finditer(text):
        if match.group() == '}':
            if inside:
                inside.pop()
        elif match.group(1) is not None:
            inside.append(match.group(1))
        else:
            if match.group(2) and all(inside):
                yield '::'.join([*inside, match.group(2)]), text.count('\n', 0, match.start()) + 1
            inside.append(None)


def check_types_once(tree):
    """A type's name stands for one type of its namespace (ODR): else the linker takes either's code."""
    first = {}
    for name in tree.ending(CODE):
        for type_name, number in types_defined(tree.lines(name)):
            other = first.setdefault(type_name, name)
            if other != name:
                yield name, number, f'{type_name} is another type in {other}', 'name one of them anew'


def check_tables(tree):
    """What the tables here excuse is there."""
    for name in {**LAYER_EXCEPTIONS, **CASTS}:
        if name.split('/')[0] in {n.split('/')[0] for n in tree.files} and name not in tree.files:
            yield 'tests/lint/lint.py', 1, f'excuses {name}, which is not there', 'remove its row'


def check_lengths(tree):
    """Files are at most 600 lines long, tests 1000."""
    for name in tree.ending(CODE + ('.py', '.ts', '.tsx', '.css')):
        limit = TEST_LINES_MAX if name.startswith('tests/') else LINES_MAX
        count = len(tree.lines(name))
        if count > limit:
            yield name, count, f'{count} lines, {limit} at most', 'split it by what it does'


def check_functions(tree):
    """Functions are at most 70 lines long."""
    opener = re.compile(r'\)[^;{}()]*(?:->[^;{}]*)?\{\s*$')
    scope = re.compile(r'\b(namespace|class|struct|enum|union|extern)\b[^()]*\{\s*$')
    for name in tree.ending(CODE):
        if name.startswith('tests/'):
            continue
        depth, start, start_depth = 0, None, 0
        for number, line in enumerate(blank(tree.lines(name)), 1):
            if start is None and opener.search(line) and not scope.search(line):
                start, start_depth = number, depth
            depth += line.count('{') - line.count('}')
            if start is not None and depth <= start_depth:
                if number - start + 1 > FUNCTION_LINES_MAX:
                    yield name, start, f'a function of {number - start + 1} lines', \
                        'give its parts names of their own'
                start = None


def check_columns(tree):
    """Lines of code are at most 100 columns wide."""
    for name in tree.ending(CODE):
        for number, line in enumerate(tree.lines(name), 1):
            unbreakable = 'http' in line or 'NOLINT' in line
            if len(line) > COLUMNS_MAX and not unbreakable:
                yield name, number, f'{len(line)} columns', f'break it at {COLUMNS_MAX}'


def check_spdx(tree):
    """Every source says its licence first (a script: right after its #! line)."""
    for name in tree.ending(COMMENTED):
        if name.endswith('.toml') and not name.startswith(FOLDERS):
            continue
        lines = [line for line in tree.lines(name)[:2] if not line.startswith('#!')]
        if not lines or 'SPDX-License-Identifier: Apache-2.0' not in lines[0]:
            yield name, 1, 'no SPDX line', 'begin with SPDX-License-Identifier: Apache-2.0'


def check_readmes(tree):
    """Every folder of sources has a README.md."""
    folders = {n.rsplit('/', 1)[0] for n in tree.ending(CODE) if n.startswith(FOLDERS)}
    for folder in sorted(folders):
        # A folder of unit tests is explained by the folder it mirrors.
        if folder.startswith('tests/unit/') or f'{folder}/README.md' in tree.files:
            continue
        yield f'{folder}/README.md', 1, 'missing', \
            'say what the folder is for, its rule, and what it leaves out'


def check_markers(tree):
    """No words that mark unfinished work."""
    marks = ('TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK')
    words = re.compile(r'\b(' + '|'.join(marks) + r')\b')
    for name in tree.ending(CODE + ('.py', '.sh', '.build', '.toml', '.md')):
        for number, line in enumerate(tree.lines(name), 1):
            if words.search(line):
                yield name, number, 'marks unfinished work', 'finish it, or open an issue'


def check_casts(tree):
    """reinterpret_cast stands only where the table says why."""
    for name in tree.ending(CODE):
        if name in CASTS or name.startswith(tuple(CAST_FOLDERS)):
            continue
        for number, line in enumerate(blank(tree.lines(name)), 1):
            if 'reinterpret_cast' in line:
                yield name, number, 'reinterpret_cast', \
                    'use Take<> or AsBytes, or enter the file with its reason in tests/lint/lint.py'


def check_json(tree):
    """The control plane parses JSON in one place, which bounds how deep it is nested."""
    for name in tree.ending(CODE):
        if not name.startswith('control/') or name == 'control/parse_json.h':
            continue
        for number, line in enumerate(blank(tree.lines(name)), 1):
            if re.search(r'\b[Jj]son::(parse|sax_parse|accept)\b', line):
                yield name, number, 'parses JSON itself', 'use ParseJson of control/parse_json.h'


def check_paths(tree):
    """No path of one machine in the sources."""
    homes = re.compile(r'(?<![\w.])/(home|work|Users|root)/[A-Za-z0-9_.-]+')
    for name in tree.ending(CODE + ('.py', '.sh', '.build', '.toml', '.md')):
        for number, line in enumerate(tree.lines(name), 1):
            if name != 'tests/lint/lint.py' and homes.search(line):
                yield name, number, 'a path of one machine', 'make it relative to the source tree'


def check_switches(tree):
    """A switch over an enum names every case: no default, so that a new value asks to be handled."""
    enumerator = re.compile(r'\s*case\s+(?:\w+::)*k[A-Z]\w*:')
    opener = re.compile(r'\bswitch\s*\(')
    for name in tree.ending(CODE):
        depth, switches = 0, []  # of each open switch: [depth of its labels, has enumerators]
        for number, line in enumerate(blank(tree.lines(name)), 1):
            if opener.search(line):
                switches.append([depth + 1, False])
            elif switches and depth == switches[-1][0]:
                if enumerator.match(line):
                    switches[-1][1] = True
                elif re.match(r'\s*default\s*:', line) and switches[-1][1]:
                    yield name, number, 'default in a switch over an enum', \
                        'name the cases that are left, or use if'
            depth += line.count('{') - line.count('}')
            while switches and depth < switches[-1][0]:
                switches.pop()


def check_headers_once(tree):
    """Headers begin with #pragma once, and nothing opens a whole namespace in one."""
    for name in tree.ending(('.h',)):
        code = blank(tree.lines(name))
        if not any(line.strip() == '#pragma once' for line in code):
            yield name, 1, 'no #pragma once', 'add it below the header comment'
        for number, line in enumerate(code, 1):
            if re.match(r'\s*using namespace\b', line):
                yield name, number, 'using namespace in a header', 'name what you use'


def check_web_sources(tree):
    """What the web page is made of is named where it is built, so that a change of it is seen."""
    build = 'control/web/meson.build'
    named = '\n'.join(tree.lines(build)) if build in tree.files else ''
    for name in tree.files:
        if name.startswith('control/web/src/') and f"'{name[len('control/web/'):]}'" not in named:
            yield name, 1, f'not named in {build}', 'add it to depend_files'


def check_format(tree):
    """clang-format (14, as in Debian 12) would change nothing."""
    names = tree.ending(CODE)
    if not names:
        return
    ran = subprocess.run(['clang-format-14', '--dry-run', '--ferror-limit=1'] + names,
                         cwd=tree.root, capture_output=True, text=True, check=False)
    seen = set()
    for line in ran.stderr.splitlines():
        match = re.match(r'(\S+?):(\d+):\d+: (?:warning|error): code should be', line)
        if match and match.group(1) not in seen:
            seen.add(match.group(1))
            yield match.group(1), match.group(2), 'not formatted', './dev format'


CHECKS = {name[len('check_'):]: function for name, function in sorted(globals().items())
          if name.startswith('check_')}


def main():
    tree = Tree(sys.argv[1])
    chosen = sys.argv[2:] or CHECKS
    violations = 0
    for check in chosen:
        for name, line, what, remedy in CHECKS[check](tree):
            print(f'{name}:{line}: {what}: {remedy}')
            violations += 1
    if violations:
        print(f'{violations} violations of: ' + ' '.join(CHECKS[c].__doc__ for c in chosen))
    return 1 if violations else 0


if __name__ == '__main__':
    sys.exit(main())
