// SPDX-License-Identifier: Apache-2.0
//
// node build.mjs OUTPUT: bundles the web page and writes it as a C++ source (assets.h says what of),
// each file as it is and by gzip, with the tag of its bytes.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const output = process.argv[2];

const bundled = await build({
  absWorkingDir: here,
  entryPoints: { app: 'src/app.tsx', style: 'src/style.css' },
  bundle: true,
  minify: true,
  write: false,
  outdir: 'out',
  format: 'esm',
  target: ['chrome109', 'firefox115', 'safari16'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  logLevel: 'warning',
});
const bundle = (ending) => bundled.outputFiles.find((file) => file.path.endsWith(ending)).contents;
const file = (name) => readFileSync(join(here, 'static', name));

const assets = [
  ['/', 'text/html; charset=utf-8', file('index.html')],
  ['/web/app.js', 'text/javascript; charset=utf-8', bundle('app.js')],
  ['/web/style.css', 'text/css; charset=utf-8', bundle('style.css')],
  ['/web/icon.svg', 'image/svg+xml', file('icon.svg')],
];

// Octal escapes of three digits end by themselves; a line for each 1,000 bytes keeps editors alive.
function literal(bytes) {
  const escaped = { 34: '\\"', 92: '\\\\', 10: '\\n', 63: '\\?' };
  const lines = [];
  for (let begin = 0; begin < bytes.length; begin += 1000) {
    let line = '';
    for (const byte of bytes.subarray(begin, begin + 1000)) {
      if (escaped[byte] !== undefined) line += escaped[byte];
      else if (byte >= 32 && byte < 127) line += String.fromCharCode(byte);
      else line += '\\' + byte.toString(8).padStart(3, '0');
    }
    lines.push(`    "${line}"`);
  }
  return `std::string_view(\n${lines.join('\n')},\n    ${bytes.length})`;
}

let text = `// Made by control/web/build.mjs.
#include "control/web/assets.h"

namespace slipway::control {
namespace {

const WebAsset kAssets[] = {
`;
for (const [path, type, bytes] of assets) {
  const tag = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const packed = gzipSync(bytes, { level: 9 });
  text += `    {"${path}", "${type}", "\\"${tag}\\"",\n    ${literal(Buffer.from(bytes))},\n    ${literal(packed)}},\n`;
}
text += `};

}  // namespace

std::span<const WebAsset> WebAssets() { return kAssets; }

}  // namespace slipway::control
`;
writeFileSync(output, text);
