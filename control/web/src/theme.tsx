// SPDX-License-Identifier: Apache-2.0
//
// Light or dark: as the system says, unless one was chosen here. The choice is all that is kept in
// the browser's storage.
import { useState } from 'preact/hooks';
import { ICONS } from './icons';

type Choice = 'system' | 'light' | 'dark';
const KEY = 'slipway-theme';

function kept(): Choice {
  const value = localStorage.getItem(KEY);
  return value === 'light' || value === 'dark' ? value : 'system';
}

function apply(choice: Choice) {
  if (choice === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = choice;
}

apply(kept());

export function Theme() {
  const [choice, setChoice] = useState(kept);
  const isDark = choice === 'dark' || (choice === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  const turn = () => {
    const next: Choice = isDark ? 'light' : 'dark';
    localStorage.setItem(KEY, next);
    apply(next);
    setChoice(next);
  };
  return <button type="button" class="icon" title={isDark ? 'Light colours' : 'Dark colours'} aria-label={isDark ? 'Light colours' : 'Dark colours'} onClick={turn}>{isDark ? ICONS.sun : ICONS.moon}</button>;
}
