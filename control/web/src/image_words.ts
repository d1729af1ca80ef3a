// SPDX-License-Identifier: Apache-2.0
//
// What an import may be called and may say, by the rules of the server (control/image_store: CanonicalReference,
// CheckNewName, CheckWords), which says so only once it has gigabytes of it.
import { Problem } from './api';

const NAME = /^[a-z0-9](?:[a-z0-9._/-]{0,198}[a-z0-9])?$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const KEPT = 'machine'; // machines find their documents at /machine/MAC/NAME
const WORD = /^[a-z0-9._-]{1,63}$/;
const VALUE_MAX = 4096; // bytes

/** Refuses what is no "name:tag" for a new image set. A part that is "." alone would be taken out of the address that names it. */
export function checkReference(reference: string): void {
  const colon = reference.indexOf(':');
  const name = colon < 0 ? reference : reference.slice(0, colon);
  const tag = colon < 0 ? 'latest' : reference.slice(colon + 1);
  const parts = name.split('/');
  if (!NAME.test(name) || !TAG.test(tag) || name.includes('..') || parts.includes('') || parts.includes('.')) {
    throw new Problem(0, 'No name', `"${reference}" is not name:tag. Names are lower-case letters, digits, ".", "_", "-" and "/"; tags may have capitals, and no "/". Use one like debian-installer:12.5.`);
  }
  if (name === KEPT) {
    throw new Problem(0, 'A kept name', `No image set may have the name "${KEPT}": machines find their documents there. Give it another, such as machines:12.5.`);
  }
}

/** Refuses labels or needs, each NAME=VALUE, that could not stand in an image set. `what`: what they are. */
export function checkWords(what: string, words: string[]): void {
  for (const each of words) {
    const [name = ''] = each.split('=', 1);
    const value = each.slice(name.length + 1);
    if (!WORD.test(name)) {
      throw new Problem(0, what, `"${name}" is no name. Names are of "a" to "z", digits, ".", "_" and "-", at most 63. Say it as NAME=VALUE.`);
    }
    if (/[\u0000-\u001f\u007f]/.test(value) || new TextEncoder().encode(value).length > VALUE_MAX) {
      throw new Problem(0, what, `${name} has a value that is no text, or too long: at most ${VALUE_MAX} bytes without control characters.`);
    }
  }
}
