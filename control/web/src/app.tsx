// SPDX-License-Identifier: Apache-2.0
//
// The page's frame: who is signed in, where one is, and the page of that place.
import { render, type ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { change, get, Problem, signedOut, type Role, type Who } from './api';
import { forgetAll } from './live';
import { ICONS, type Icon } from './icons';
import { may, ProblemBox } from './parts';
import { Access } from './pages/access';
import { Audit } from './pages/audit';
import { BootPage } from './pages/boot';
import { Events } from './pages/events';
import { ImagePage, Images } from './pages/images';
import { MachinePage } from './pages/machine';
import { Machines } from './pages/machines';
import { Networks } from './pages/networks';
import { Overview } from './pages/overview';
import { Rules } from './pages/rules';
import { SignIn } from './pages/sign_in';
import { TemplatePage, Templates } from './pages/templates';
import { usePlace, type Place } from './route';
import { forgetStream, useStream, type Kind } from './stream';
import { Theme } from './theme';
import { useThroughput } from './throughput';

const PAGES: { page: string; words: string; icon: Icon; needs?: Role }[] = [
  { page: 'overview', words: 'Overview', icon: 'overview' },
  { page: 'machines', words: 'Machines', icon: 'machines' },
  { page: 'rules', words: 'Rules', icon: 'rules' },
  { page: 'images', words: 'Images', icon: 'images' },
  { page: 'templates', words: 'Templates', icon: 'templates' },
  { page: 'networks', words: 'Networks', icon: 'networks' },
  { page: 'events', words: 'Events', icon: 'events' },
  { page: 'audit', words: 'Audit', icon: 'audit' },
  { page: 'access', words: 'Access', icon: 'access', needs: 'admin' },
];

// Steps come by the thousand when many machines boot: only who reads them asks for them.
const FEW_KINDS: Kind[] = ['boot', 'change', 'held'];
const ALL_KINDS: Kind[] = ['step', 'boot', 'link', 'change', 'held'];

function show(place: Place, who: Who): ComponentChildren {
  switch (place.page) {
    case 'overview': return <Overview />;
    case 'machines': return place.key ? <MachinePage key={place.key} mac={place.key} who={who} /> : <Machines query={place.query} who={who} />;
    case 'boots': return <BootPage key={place.key} id={place.key} />;
    case 'rules': return <Rules who={who} />;
    case 'images': return place.key ? <ImagePage key={place.key} reference={place.key} who={who} /> : <Images who={who} />;
    case 'templates': return place.key ? <TemplatePage key={place.key} name={place.key} who={who} /> : <Templates who={who} />;
    case 'networks': return <Networks who={who} />;
    case 'events': return <Events />;
    case 'access': return <Access who={who} />;
    case 'audit': return <Audit who={who} />;
    default: return <div class="head"><h1>There is no such page</h1><p><a href="#/overview">To the overview</a></p></div>;
  }
}

function Frame({ who, leave }: { who: Who; leave: () => void }) {
  const place = usePlace();
  const main = useRef<HTMLElement>(null);
  const here = `${place.page}/${place.key}`;
  const first = useRef(true);
  useThroughput(); // sampled wherever one is
  useStream(place.page === 'events' ? ALL_KINDS : FEW_KINDS);
  useEffect(() => {
    if (!first.current) {
      main.current?.focus();
      scrollTo(0, 0);
    }
    first.current = false;
  }, [here]);
  // On a phone the bar of pages may be wider than the screen.
  const pages = useRef<HTMLElement>(null);
  useEffect(() => pages.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }), [place.page]);
  return (
    <div class="frame">
      <a class="skip" href="#content" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>To the content</a>
      <header class="side">
        <a class="brand" href="#/overview"><img src="/web/icon.svg" alt="" width="28" height="28" /><span>Slipway</span></a>
        <nav ref={pages} aria-label="Pages">
          {PAGES.filter((each) => may(who.role, each.needs ?? 'viewer')).map((each) => (
            <a key={each.page} href={`#/${each.page}`} aria-current={(place.page === 'boots' ? 'machines' : place.page) === each.page ? 'page' : undefined}>
              {ICONS[each.icon]}<span>{each.words}</span>
            </a>
          ))}
        </nav>
        <div class="who">
          <span><b>{who.name.replace(/^token /, '')}</b><small>{who.role}</small></span>
          <Theme />
          <button type="button" onClick={leave}>Sign out</button>
        </div>
      </header>
      <main ref={main} id="content" tabIndex={-1}>{show(place, who)}</main>
    </div>
  );
}

function App() {
  const [who, setWho] = useState<Who | null | undefined>(undefined); // undefined: not known yet
  const [over, setOver] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  useEffect(() => {
    signedOut.tell = () => {
      // Whoever signs in next may see less.
      forgetAll();
      forgetStream();
      setWho((before) => {
        if (before) setOver(true);
        return null;
      });
    };
    get<Who>('/api/v1/whoami').then((answer) => setWho(answer.value)).catch((error) => {
      if (error instanceof Problem && error.status !== 401) setProblem(error);
      setWho(null);
    });
  }, []);
  const leave = async () => {
    try {
      await change('DELETE', '/api/v1/session');
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    }
    forgetAll();
    forgetStream();
    setOver(false);
    setWho(null);
  };
  if (who === undefined) return <main class="alone" aria-busy="true"><p class="empty">Asking…</p></main>;
  if (who === null) {
    return <SignIn over={over} done={(now) => { setProblem(undefined); setWho(now); }}>{problem && <ProblemBox problem={problem} />}</SignIn>;
  }
  return <Frame who={who} leave={leave} />;
}

const root = document.getElementById('app');
if (root) {
  root.textContent = '';
  render(<App />, root);
}
