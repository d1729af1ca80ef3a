// SPDX-License-Identifier: Apache-2.0
//
// Numbers and times as people read them.

function scaled(value: number, step: number, units: string[]): string {
  let unit = 0;
  while (value >= step && unit < units.length - 1) {
    value /= step;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

export const bytes = (value: number) => scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);
export const bits = (perSecond: number) => scaled(perSecond, 1000, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);
export const count = (value: number) => value.toLocaleString('en');
export const percent = (share: number) => `${Math.round(share * 100)} %`;

export function seconds(value: number): string {
  if (value < 10) return `${value.toFixed(1)} s`;
  if (value < 90) return `${Math.round(value)} s`;
  if (value < 5400) return `${Math.round(value / 60)} min`;
  if (value < 172_800) return `${Math.round(value / 3600)} h`;
  return `${Math.round(value / 86_400)} days`;
}

export function ago(unix: number): string {
  const past = Date.now() / 1000 - unix;
  return past < 5 ? 'just now' : `${seconds(past)} ago`;
}

export const moment = (unix: number) =>
  new Date(unix * 1000).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

export const shortDigest = (digest: string) => digest.replace('sha256:', '').slice(0, 12);
