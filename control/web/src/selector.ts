// SPDX-License-Identifier: Apache-2.0
//
// A selector (docs/operating.md, "Who gets what") in words. The server decides what one means and
// whether it is one; here it is only read to people.

const FACTS: Record<string, string> = {
  mac: 'MAC', uuid: 'UUID', 'client-id': 'client identifier', 'circuit-id': "relay's circuit", 'remote-id': "relay's remote identifier",
  arch: 'architecture', client: 'kind of client', 'vendor-class': 'vendor class', serial: 'serial number',
  'dhcp-fingerprint': 'DHCP fingerprint', 'tcp-fingerprint': 'TCP fingerprint', 'tls-fingerprint': 'TLS fingerprint',
};

const KEY = '[A-Za-z][\\w./-]*';
const REQUIREMENT = new RegExp(`\\s*(?:!\\s*(${KEY})|(${KEY})\\s*(?:(!=|==|=)\\s*([^,]*)|\\b(in|notin)\\s*\\(([^)]*)\\))?)\\s*(?:,|$)`, 'y');

function listed(values: string[], last: string): string {
  return values.length < 2 ? values.join('') : `${values.slice(0, -1).join(', ')} ${last} ${values.at(-1)}`;
}

function values(key: string, negated: boolean, said: string[]): string {
  const patterns = said.map((each) => each || 'empty');
  const name = FACTS[key] ?? key;
  const fits = patterns.some((each) => each.includes('*'));
  if (!negated) return `${name} ${fits ? 'fits' : 'is'} ${listed(patterns, 'or')}`;
  if (patterns.length > 1) return `${name} ${fits ? 'fits' : 'is'} neither ${listed(patterns, 'nor')}`;
  return `${name} ${fits ? 'does not fit' : 'is not'} ${patterns.join('')}`;
}

/** "rack is a1 or a2, and architecture is x64"; undefined: it cannot be read. */
export function selectorWords(selector: string): string | undefined {
  const text = selector.trim();
  if (!text) return 'every machine';
  const words: string[] = [];
  REQUIREMENT.lastIndex = 0;
  while (REQUIREMENT.lastIndex < text.length) {
    const found = REQUIREMENT.exec(text);
    if (!found) return undefined;
    const [, absent, key = '', equals, value = '', among, list = ''] = found;
    if (absent) words.push(`has no label ${absent}`);
    else if (equals) words.push(values(key, equals === '!=', [value.trim()]));
    else if (among) words.push(values(key, among === 'notin', list.split(',').map((each) => each.trim())));
    else words.push(`has the label ${key}`);
  }
  return words.join(', and ');
}
