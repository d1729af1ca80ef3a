// SPDX-License-Identifier: Apache-2.0
//
// Where one is stands behind the address's "#", so that a page can be linked to and the browser's
// way back works: "#/machines/52:54:00:12:34:56", "#/machines?state=failed".
import { useEffect, useState } from 'preact/hooks';

export type Query = Record<string, string>;
export interface Place { page: string; key: string; query: Query }

export function placeOf(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [page = '', ...rest] = path.split('/');
  return { page: page || 'overview', key: decodeURIComponent(rest.join('/')), query: Object.fromEntries(new URLSearchParams(query)) };
}

export function go(page: string, query: Query = {}) {
  const text = new URLSearchParams(query).toString();
  location.hash = `#/${page}${text ? `?${text}` : ''}`;
}

/** What would be lost by leaving the page asks instead of going, while it is set. */
export const leaving: { ask: (() => void) | undefined } = { ask: undefined };

export function usePlace(): Place {
  const [place, setPlace] = useState(() => placeOf(location.hash));
  useEffect(() => {
    let here = location.hash;
    const follow = () => {
      if (leaving.ask && location.hash !== here) {
        history.pushState(null, '', here || '#/');
        leaving.ask();
        return;
      }
      here = location.hash;
      setPlace(placeOf(here));
    };
    addEventListener('hashchange', follow);
    follow(); // what changed since the first drawing
    return () => removeEventListener('hashchange', follow);
  }, []);
  return place;
}
