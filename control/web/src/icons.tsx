// SPDX-License-Identifier: Apache-2.0
//
// The few signs of the frame; each stands beside or under its word.
import type { ComponentChildren, VNode } from 'preact';

export type Icon = 'overview' | 'machines' | 'rules' | 'images' | 'templates' | 'networks' | 'events' | 'audit' | 'access' | 'sun' | 'moon';

const draw = (children: ComponentChildren) => (
  <svg viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{children}</svg>
);

export const ICONS: Record<Icon, VNode> = {
  overview: draw(<><path d="M3 17l5-6 4 4 8-10" /><path d="M3 21h18" /></>),
  machines: draw(<><rect x="4" y="4" width="16" height="7" rx="1.5" /><rect x="4" y="13" width="16" height="7" rx="1.5" /><path d="M8 7.500h.01M8 16.500h.01" /></>),
  rules: draw(<><path d="M4 6h5l8 12h3M4 18h5l2-3M14 10l3-4h3" /></>),
  images: draw(<><path d="M12 3l8 4.500v9L12 21l-8-4.500v-9z" /><path d="M4 7.500l8 4.500 8-4.500M12 12v9" /></>),
  templates: draw(<><path d="M6 3h8l5 5v13H6z" /><path d="M14 3v5h5M9 13h3M9 17h7" /></>),
  networks: draw(<><circle cx="12" cy="5" r="2.500" /><circle cx="5" cy="19" r="2.500" /><circle cx="19" cy="19" r="2.500" /><path d="M12 7.500V12M5 16.500V12h14v4.500" /></>),
  events: draw(<><path d="M4 6h3M4 12h3M4 18h3" /><path d="M11 6h9M11 12h9M11 18h6" /></>),
  audit: draw(<><path d="M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6z" /><path d="M9 12l2 2 4-4" /></>),
  access: draw(<><circle cx="8" cy="16" r="4" /><path d="M11 13l9-9M15 9l3 3M18 6l2 2" /></>),
  sun: draw(<><circle cx="12" cy="12" r="4" /><path d="M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.500 1.500M17.500 17.500L19 19M5 19l1.500-1.500M17.500 6.500L19 5" /></>),
  moon: draw(<path d="M20 14A8 8 0 1 1 10 4a6.500 6.500 0 0 0 10 10z" />),
};
