# SPDX-License-Identifier: Apache-2.0
"""slipway-bench as the driver uses it: once for each pair, so that both sides take turns."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from process import ROOT, PeerError, favour, machine

PROGRAM = ROOT / "build/release/bench/slipway-bench"


def run(rows, context, pairs=1, seconds=1.0):
    """The JSON of slipway-bench's rows."""
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        out = Path(folder) / "rows.json"
        command = [str(PROGRAM), *rows, "--json", str(out), "--pairs", str(pairs), "--seconds",
                   str(seconds), *context.bench_options]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True, start_new_session=True,
                                   preexec_fn=machine.die_with_parent,
                                   env=dict(os.environ, SLIPWAY_BENCH_STATE=str(context.folder)))
        favour(process.pid)
        try:
            words = process.communicate(timeout=300)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise PeerError(f"slipway-bench {rows}: not done after 300 s") from None
        if not out.exists():
            raise PeerError(f"slipway-bench {rows}: {words[-400:]}")
        return json.loads(out.read_text(encoding="utf-8"))


def figure(document, name, at=0):
    """A figure of the document's n-th row; what the row says where it has none."""
    rows = document["rows"]
    if at >= len(rows) or not rows[at]["figures"].get(name):
        raise PeerError(f"slipway-bench: {rows[at]['measured'] if at < len(rows) else 'no row'}")
    return rows[at]["figures"][name]
