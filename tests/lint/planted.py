#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that each check of lint.py finds what it is for: a tree with one fault each, and none else.

    planted.py     exit 1 and a line per check that misses its fault, or finds one in good code
"""
import pathlib
import sys
import tempfile

import lint

HEAD = '// SPDX-License-Identifier: Apache-2.0\n'
HEADER = HEAD + '#pragma once\n'
LONG_FUNCTION = HEAD + 'int F() {\n' + '  G();\n' * 70 + '}\n'
SWITCH = HEAD + '''int F(Kind kind) {
  switch (kind) {
    case Kind::kA:
      return 1;
    default:
      return 2;
  }
}
'''

# Check: (a file, its text with the fault, its text without); for a fault of several files the texts
# are tables of files, and the name is what the first is called.
PLANTED = {
    'casts': [('control/a.cc', HEAD + 'auto a = reinterpret_cast<int*>(b);\n',
               HEAD + '// no reinterpret_cast here\n')],
    'columns': [('tls/a.cc', HEAD + '// ' + 'a' * 98 + '\n', HEAD + '// ' + 'a' * 97 + '\n')],
    'format': [('tls/a.cc', HEAD + 'int   a;\n', HEAD + 'int a;\n')],
    'functions': [('tls/a.cc', LONG_FUNCTION, LONG_FUNCTION.replace('  G();\n', '', 2))],
    'headers_once': [('tls/a.h', HEAD, HEADER),
                     ('tls/a.h', HEADER + 'using namespace std;\n', HEADER + 'using std::byte;\n')],
    'json': [('control/a.cc', HEAD + 'auto a = nlohmann::json::parse(text);\n',
              HEAD + 'auto a = ParseJson(text);\n')],
    'layers': [('protocols/arp/a.cc', HEAD + '#include "tls/session.h"\n',
                HEAD + '#include "protocols/arp/b.h"\n#include <span>\n'),
               ('protocols/arp/a.cc', HEAD + '#include <unistd.h>\n', HEAD),
               ('tls/a.cc', HEAD + '#include <rte_mbuf.h>\n', HEAD + '#include <openssl/ssl.h>\n'),
               ('tls/a.cc', HEAD + '#include <sqlite3.h>\n', HEAD + '#include <linux/tls.h>\n'),
               ('dataplane/a.cc', HEAD + '#include <sqlite3.h>\n', HEAD + '#include <rte_mbuf.h>\n'),
               ('dataplane/a.cc', HEAD + '#include <httplib.h>\n', HEAD + '#include <unistd.h>\n'),
               ('dataplane/a.cc', HEAD + '#include "control/seams.h"\n', HEAD),
               ('control/a.cc', HEAD + '#include <rte_mbuf.h>\n', HEAD + '#include <httplib.h>\n'),
               ('control/a.cc', HEAD + '#include "dataplane/worker.h"\n',
                HEAD + '#include "dataplane/snapshot.h"\n')],
    'lengths': [('tls/a.cc', HEAD * 601, HEAD * 600), ('tests/a.cc', HEAD * 1001, HEAD * 1000)],
    'markers': [('tls/a.cc', HEAD + '// TO' + 'DO: later\n', HEAD + '// TODOS are none\n')],
    'paths': [('tls/a.cc', HEAD + 'auto a = "/ho' + 'me/me/a";\n', HEAD + 'auto a = "/usr/share/a";\n')],
    'readmes': [('tls/b/a.cc', HEAD, None)],
    'spdx': [('tls/a.cc', '#include <span>\n', HEAD), ('tests/a.py', '#!/usr/bin/env python3\n',
              '#!/usr/bin/env python3\n# SPDX-License-Identifier: Apache-2.0\n')],
    'switches': [('tls/a.cc', SWITCH, SWITCH.replace('default', 'case Kind::kB'))],
    'types_once': [('tls/a.cc', {'tls/a.cc': HEAD + 'namespace s {\nstruct A {\n};\n}\n',
                     'tls/b.cc': HEAD + 'namespace s {\nclass A final : B {\n};\n}\n'},
                    {'tls/a.cc': HEAD + 'namespace s {\nstruct A {\n  struct B {};\n};\n}\n',
                     'tls/b.cc': HEAD + 'namespace s {\nnamespace {\nstruct A {\n};\n}\n'
                                        'struct A::B {\n};\nstruct B {\n};\n}\n'})],
    'tables': [('bench/a.cc', HEAD, None)],
    'web_sources': [('control/web/src/a.ts', HEAD,
                     {'control/web/src/a.ts': HEAD, 'control/web/meson.build': "files('src/a.ts')\n"})],
}


def found(check, name, text):
    with tempfile.TemporaryDirectory() as root:
        for each, content in (text if isinstance(text, dict) else {name: text}).items():
            file = pathlib.Path(root) / each
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding='utf-8')
        return list(lint.CHECKS[check](lint.Tree(root)))


def main():
    faults = [f'{check}: nothing is planted for it' for check in lint.CHECKS
              if check not in PLANTED]
    for check, files in PLANTED.items():
        for name, bad, good in files:
            if not found(check, name, bad):
                faults.append(f'{check}: does not find the fault of {name}: {str(bad)[-60:]!r}')
            if good is not None and (wrong := found(check, name, good)):
                faults.append(f'{check}: finds {wrong} in good code')
    print('\n'.join(faults) or f'{sum(map(len, PLANTED.values()))} planted faults found')
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
