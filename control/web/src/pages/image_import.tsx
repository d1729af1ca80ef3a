// SPDX-License-Identifier: Apache-2.0
//
// An image set from a file: it is sent while the dialog is open, then checked, and the dialog says what
// became of it. To close the dialog before it is sent whole is to give it up.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { getIfThere, type ImageSet, type Problem } from '../api';
import { Ending, type Keeps, Line, Opens, Pick } from '../dialog';
import { bytes, count, percent, shortDigest } from '../format';
import { checkReference, checkWords } from '../image_words';
import { refresh, useLive } from '../live';
import { Bar, useAttempt } from '../parts';
import { leaving } from '../route';
import { listOf } from '../rows';
import { upload } from '../upload';
import { VerdictBadge, VerdictFiles } from '../verdict';

export const imagePath = (reference: string) => `/api/v1/images/${reference.split('/').map(encodeURIComponent).join('/')}`;

const FORMS: [string, string][] = [
  ['', 'as its name says: a tar is opened, any other kept'], ['tree', 'an ISO or a tar, opened'], ['ramdisk', 'a disk, kept whole: machines boot it as a RAM disk'],
];

/** The references that there are, for as long as a dialog asks. */
export const useKnown = () => (useLive<ImageSet[]>('/api/v1/images?limit=10000', 10_000).value ?? []).map((each) => each.reference);

/** What a name that is taken will not lead to any more. */
export function Replaced({ reference, known }: { reference: string; known: string[] }) {
  const whole = reference.includes(':') ? reference : `${reference}:latest`;
  return (
    <p class="note words" role="status">
      {reference && known.includes(whole) && `${whole} is there already, and leads to this one from then on. For seven days "slipway rollout undo ${whole}" leads back.`}
    </p>
  );
}

function Progress({ file, sent }: { file: File; sent: number }) {
  return (
    <div class="loading">
      <Bar label={`${file.name}, as far as it is sent`} value={sent} of={file.size} />
      <span class="words"><b>{percent(file.size > 0 ? sent / file.size : 1)}</b> of {bytes(file.size)}</span>
    </div>
  );
}

// Leaving the page would give the file up: the browser asks first.
function useStay(sending: boolean) {
  useEffect(() => {
    if (!sending) return undefined;
    const ask = (event: BeforeUnloadEvent) => {
      event.preventDefault();
      event.returnValue = ''; // by which older browsers go
    };
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [sending]);
}

// What is disabled loses the focus: the line that says how far it is has it meanwhile, and whatever had it
// gets it back.
function useFocus(busy: boolean) {
  const line = useRef<HTMLParagraphElement>(null);
  const before = useRef<Element | null>(null);
  useLayoutEffect(() => {
    if (busy) line.current?.focus();
    else if (before.current instanceof HTMLElement) before.current.focus();
  }, [busy]);
  return { line, keep: () => { before.current = document.activeElement; } };
}

type Phase = 'idle' | 'asks' | 'sends' | 'checks';
const SAID: Record<Phase, string> = {
  idle: '', asks: 'Its name is asked for.', sends: 'It is sent. To close this gives it up.',
  checks: 'It is sent whole. The appliance checks it, and imports it all the same if this is closed.',
};

// Hours may be lost by a key: the first press asks, and only the next one closes.
function useDoubts(sends: boolean, keeps: Keeps) {
  const [asked, setAsked] = useState(false);
  const doubts = asked && sends;
  const stays = (held: boolean) => {
    if (doubts) return held;
    setAsked(true);
    return true;
  };
  keeps.current = sends ? stays : undefined;
  leaving.ask = sends ? () => setAsked(true) : undefined; // the browser's way back too
  useEffect(() => setAsked(false), [sends]);
  useEffect(() => () => {
    keeps.current = undefined;
    leaving.ask = undefined;
  }, []);
  return { doubts, goOn: () => setAsked(false) };
}

/** The end of the form. What took hours to send is asked about before it is given up: `doubts`. */
function Ends({ phase, doubts, goOn, leave, close, problem }: {
  phase: Phase; doubts: boolean; goOn: () => void; leave: () => void; close: () => void; problem: Problem | undefined;
}) {
  const end = useRef<HTMLDivElement>(null);
  const first = useRef(true);
  useLayoutEffect(() => {
    if (!first.current) end.current?.querySelector('button')?.focus();
    first.current = false;
  }, [doubts]);
  return (
    <div ref={end}>
      {!doubts && <Ending label="Import" leave={phase === 'checks' ? 'Close' : undefined} close={leave} problem={problem} disabled={phase !== 'idle'} />}
      {doubts && (
        <div class="buttons">
          <button type="button" aria-describedby="image-said" onClick={goOn}>Go on</button>
          <button type="button" class="danger" onClick={close}>Give up</button>
        </div>
      )}
    </div>
  );
}

function Form({ close, keeps, made }: { close: () => void; keeps: Keeps; made: (set: ImageSet) => void }) {
  const known = useKnown();
  const [file, setFile] = useState<File | undefined>();
  const [name, setName] = useState('');
  const [as, setAs] = useState('');
  const [boot, setBoot] = useState('');
  const [needs, setNeeds] = useState('');
  const [labels, setLabels] = useState('');
  const [sent, setSent] = useState<number | undefined>();
  const { attempt, busy, problem } = useAttempt([file?.name, file?.lastModified, name, as, boot, needs, labels]);
  const ends = useRef(new AbortController());
  useEffect(() => () => ends.current.abort(), []);
  const phase: Phase = !busy ? 'idle' : !file || sent === undefined ? 'asks' : sent < file.size ? 'sends' : 'checks';
  useStay(phase === 'sends');
  const focus = useFocus(busy);
  const { doubts, goOn } = useDoubts(phase === 'sends', keeps);
  const reference = name.trim();
  const send = async (whole: File) => {
    setSent(undefined);
    // What cannot be is refused before gigabytes are sent; what the server alone knows of the name too.
    checkReference(reference);
    checkWords('Needs', listOf(needs));
    checkWords('Labels', listOf(labels));
    await getIfThere<ImageSet>(imagePath(reference));
    const said = { file: whole.name, as, boot: listOf(boot).join(), needs: listOf(needs).join(), labels: listOf(labels).join() };
    const query = Object.entries(said).filter(([, value]) => value !== '').map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
    setSent(0);
    try {
      made(await upload<ImageSet>(`${imagePath(reference)}?${query.join('&')}`, whole, setSent, ends.current.signal));
    } finally {
      refresh('/api/v1/'); // where its answer was lost, the list says whether it is there
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    focus.keep();
    if (file) void attempt(() => send(file));
  };
  return (
    <form class="form" onSubmit={submit}>
      <fieldset class="form" disabled={busy}>
        <span class="row"><label for="image-file">File</label><input id="image-file" type="file" required onChange={(event) => setFile(event.currentTarget.files?.[0])} /></span>
        <Line id="image-name" label="Image set" hint="debian:12" required value={name} set={setName} />
        <Replaced reference={reference} known={known} />
        <Pick label="It is" value={as} options={FORMS} set={setAs} />
        <Line id="image-boot" label="Boot files" hint="x64=EFI/BOOT/grubx64.efi, ...; empty: by their names" value={boot} set={setBoot} />
        <Line id="image-needs" label="Needs" hint="memory-mib=2048, ...; empty: nothing more" value={needs} set={setNeeds} />
        <Line id="image-labels" label="Labels" hint="site=west, ...; empty: none" value={labels} set={setLabels} />
      </fieldset>
      {busy && file && sent !== undefined && <Progress file={file} sent={sent} />}
      <p ref={focus.line} id="image-said" class="note" role="status" tabIndex={-1}>{doubts ? 'Give up what is sent? To import it then is to send it anew.' : SAID[phase]}</p>
      <Ends phase={phase} doubts={doubts} goOn={goOn} leave={() => keeps.current?.(false) || close()} close={close} problem={problem} />
    </form>
  );
}

function Result({ set, close }: { set: ImageSet; close: () => void }) {
  const done = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => done.current?.focus(), []);
  const boots = Object.keys(set.boot).join(', ');
  const verdict = set.secure_boot;
  return (
    <>
      <p id="image-result" class="words">
        <a href={`#/images/${set.reference}`} onClick={close}>{set.reference}</a> is there: {count(set.files.length)} {set.files.length === 1 ? 'file' : 'files'}, {bytes(set.bytes)}, <code>{shortDigest(set.digest)}</code>. It boots {boots || 'nothing'}.
        {set.layout && ` It is recognised: ${set.layout.title}.`}
      </p>
      <div class="facts"><b>Secure Boot</b><VerdictBadge verdict={verdict} />{verdict && <span>{verdict.words}</span>}</div>
      {verdict && <VerdictFiles verdict={verdict} />}
      <div class="buttons under"><button ref={done} type="button" class="primary" aria-describedby="image-result" onClick={close}>Done</button></div>
    </>
  );
}

function Steps({ close, keeps }: { close: () => void; keeps: Keeps }) {
  const [set, setSet] = useState<ImageSet | undefined>();
  return set ? <Result set={set} close={close} /> : <Form close={close} keeps={keeps} made={setSet} />;
}

export function ImportImage() {
  return <Opens label="Import a file" title="An image set from a file" kind="primary" wide>{(close, keeps) => <Steps close={close} keeps={keeps} />}</Opens>;
}
