// SPDX-License-Identifier: Apache-2.0
//
// A boot drawn: a lane for each part of it, time from left to right. What lasts is a bar, what
// happens is a mark. The same steps stand below as a list, which is what is read to whoever cannot
// see the drawing.
import type { Step, Story } from './api';
import { seconds } from './format';
import { useWidth } from './parts';

type Tone = 'good' | 'bad' | 'plain';
interface Span { from: number; to: number; tone: Tone; words: string }
interface Mark { at: number; tone: Tone; words: string }
interface Lane { name: string; spans: Span[]; marks: Mark[] }

const LANES: { name: string; kinds: RegExp }[] = [
  { name: 'Address', kinds: /^Dhcp|^AddressConflict/ },
  { name: 'Names', kinds: /^Arp|^Dns/ },
  { name: 'Turn', kinds: /^Admission/ },
  { name: 'Connection', kinds: /^Tcp/ },
  { name: 'TLS', kinds: /^Tls/ },
  { name: 'Files', kinds: /^Http|^ImageWanted/ },
];

// What begins a bar, and what ends it: on the same connection, where the step has one.
const BARS: { begin: string; end: RegExp }[] = [
  { begin: 'DhcpDiscover', end: /^Dhcp(Ack|Nak)$/ },
  { begin: 'AdmissionWaits', end: /^AdmissionTurn$/ },
  { begin: 'TcpOpened', end: /^Tcp(Closed|Reset|TimedOut)$/ },
  { begin: 'TlsOffered', end: /^Tls(Done|Failed)$/ },
  { begin: 'HttpRequest', end: /^HttpComplete$|^Tcp(Closed|Reset|TimedOut)$/ },
];

export function toneOf(step: Step): Tone {
  if (/^(TlsFailed|DhcpNak|DhcpIgnored|DhcpConflict|TcpRefused|TcpTimedOut|ImageWanted|AddressConflict)$/.test(step.kind)) return 'bad';
  if (step.kind === 'HttpRequest' && step.number >= 400) return 'bad';
  if (step.kind === 'TcpReset' && step.number > 0) return 'bad';
  if (/^(DhcpAck|TlsDone|HttpComplete|AdmissionTurn)$/.test(step.kind)) return 'good';
  return 'plain';
}

function spansOf(steps: Step[], kinds: RegExp, end: number): Span[] {
  const spans: Span[] = [];
  for (const { begin, end: ends } of BARS) {
    if (!kinds.test(begin)) continue;
    let covered = -1; // a DISCOVER sent again is part of the bar that the first began
    for (const [index, step] of steps.entries()) {
      if (step.kind !== begin || (begin === 'DhcpDiscover' && step.at <= covered)) continue;
      if (begin === 'HttpRequest' && (step.number >= 400 || step.text.startsWith('HEAD'))) continue;
      const last = steps.slice(index + 1).find((each) => ends.test(each.kind) && each.connection === step.connection);
      const to = last?.at ?? end;
      covered = to;
      const tone = last ? toneOf(last) : 'plain';
      spans.push({ from: step.at, to, tone, words: `${step.words}${last ? `; ${last.words}` : ''} (${seconds(to - step.at)})` });
    }
  }
  return spans;
}

function lanesOf(story: Story, end: number): Lane[] {
  return LANES.map(({ name, kinds }) => {
    const own = story.steps.filter((step) => kinds.test(step.kind));
    return {
      name,
      spans: spansOf(story.steps, kinds, end),
      marks: own.map((step) => ({ at: step.at, tone: toneOf(step), words: step.words })),
    };
  }).filter((lane) => lane.marks.length > 0);
}

const LANE = 34;
const TOP = 10;

function ticksOf(end: number, wanted: number): number[] {
  const rough = end / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? rough;
  const ticks: number[] = [];
  for (let at = 0; at <= end * 1.0001; at += step) ticks.push(at);
  return ticks;
}

const tick = (at: number, end: number) => (end < 2 ? `${Math.round(at * 1000)} ms` : `${Number(at.toFixed(1))} s`);

export function Timeline({ story }: { story: Story }) {
  const { ref, width } = useWidth<HTMLDivElement>();
  const end = Math.max(0.001, story.seconds, ...story.steps.map((step) => step.at));
  const lanes = lanesOf(story, end);
  const left = width < 500 ? 84 : 96;
  const inner = Math.max(10, width - left - 14);
  const x = (at: number) => left + (inner * at) / end;
  const height = TOP + lanes.length * LANE + 26;
  const words = `${story.steps.length} steps within ${seconds(end)}, in the list below`;
  return (
    <div ref={ref} class="timeline">
      {width > 0 && (
        <svg width={width} height={height} role="img" aria-label={words}>
          {ticksOf(end, width < 500 ? 3 : 6).map((at) => (
            <g key={at}>
              <line class="grid" x1={x(at)} x2={x(at)} y1={TOP} y2={height - 20} />
              <text class={at === 0 ? 'axis' : 'axis middle'} x={x(at)} y={height - 5}>{tick(at, end)}</text>
            </g>
          ))}
          {lanes.map((lane, index) => {
            const middle = TOP + index * LANE + LANE / 2;
            return (
              <g key={lane.name}>
                <text class="lane" x={0} y={middle + 4}>{lane.name}</text>
                <line class="grid" x1={left} x2={width} y1={middle + LANE / 2} y2={middle + LANE / 2} />
                {lane.spans.map((span) => (
                  <rect key={`${span.from} ${span.words}`} class={`span ${span.tone}`} x={x(span.from)} y={middle - 8} width={Math.max(3, x(span.to) - x(span.from))} height={16} rx={4}><title>{span.words}</title></rect>
                ))}
                {lane.marks.map((mark, each) => (
                  <circle key={each} class={`mark ${mark.tone}`} cx={x(mark.at)} cy={middle} r={mark.tone === 'bad' ? 5 : 3.5}><title>{`${tick(mark.at, end)}: ${mark.words}`}</title></circle>
                ))}
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}

export function Steps({ story }: { story: Story }) {
  return (
    <ol class="steps" aria-label="Steps">
      {story.steps.map((step, index) => (
        <li key={index} class={toneOf(step)}>
          <span class="at">+{step.at.toFixed(3)} s</span>
          <span class="words">{step.words}{step.connection > 0 && <small>connection {step.connection}</small>}</span>
        </li>
      ))}
      {story.steps_left_out > 0 && <li><span class="at" /><span class="words">{story.steps_left_out} more were seen, and not kept: a story has 256 steps at most.</span></li>}
    </ol>
  );
}
