# SPDX-License-Identifier: Apache-2.0
"""slipwayd.service as systemd reads it: no key that it does not know, and a sandbox that stays one.

Usage: unit_file.py UNIT. Exits with 77, which Meson and suite.py count as skipped, where systemd is not there.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
# Tenths of systemd's "exposure level", of 100: what it has no word for weighs little. It was 19.
EXPOSURE_MAX = 25


def analyze(*arguments):
    done = subprocess.run(['systemd-analyze', '--no-pager', *arguments], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def main():
    if shutil.which('systemd-analyze') is None:
        print('no systemd-analyze: install the package systemd')
        return SKIPPED
    text = pathlib.Path(sys.argv[1]).read_text(encoding='utf-8')
    with tempfile.TemporaryDirectory() as folder:
        # A program that is there: nothing is installed where this is run.
        unit = pathlib.Path(folder) / 'slipwayd.service'
        unit.write_text(re.sub(r'(?m)^(Exec\w+=)\S+slipwayd\b', r'\1/bin/true', text),
                        encoding='utf-8')
        code, words = analyze('verify', '--man=no', str(unit))
        if code != 0 or words:
            print(f'config/slipwayd.service.in: {words or code}: write what systemd.exec(5) has')
            return 1
        code, words = analyze('security', '--offline=yes', f'--threshold={EXPOSURE_MAX}', str(unit))
        if code != 0:
            print(words + 'config/slipwayd.service.in: more is open than was: close it again')
            return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
