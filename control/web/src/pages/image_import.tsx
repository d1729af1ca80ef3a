// SPDX-License-Identifier: Apache-2.0
//
// An image set from a file: it is sent while the dialog is open, then checked, and the dialog says what
// became of it. To close the dialog before it is sent whole is to give it up.
import { useEffect, useRef, useState } from 'preact/hooks';
import { getIfThere, type ImageSet } from '../api';
import { Ending, Line, Opens, Pick } from '../dialog';
import { bytes, count, percent, shortDigest } from '../format';
import { refresh } from '../live';
import { Bar, useAttempt } from '../parts';
import { listOf } from '../rows';
import { upload } from '../upload';
import { VerdictBadge, VerdictFiles } from '../verdict';

export const imagePath = (reference: string) => `/api/v1/images/${reference.split('/').map(encodeURIComponent).join('/')}`;

const FORMS: [string, string][] = [
  ['', 'as its name says: a tar is opened, any other kept'], ['tree', 'an ISO or a tar, opened'], ['ramdisk', 'a disk, kept whole: machines boot it as a RAM disk'],
];

/** What a name that is taken will not lead to any more. */
export function Replaced({ reference, known }: { reference: string; known: string[] }) {
  const whole = reference.includes(':') ? reference : `${reference}:latest`;
  return (
    <p class="note words" role="status">
      {reference && known.includes(whole) && `${whole} is there already, and leads to this one from then on. For seven days "slipway rollout undo ${whole}" leads back.`}
    </p>
  );
}

const isWhole = (file: File, sent: number) => sent >= file.size;

function Progress({ file, sent }: { file: File; sent: number }) {
  return (
    <div class="loading">
      <Bar label={`${file.name}, as far as it is sent`} value={sent} of={file.size} />
      <span class="words"><b>{percent(file.size > 0 ? sent / file.size : 1)}</b> of {bytes(file.size)}</span>
      <p class="note" role="status">{isWhole(file, sent) ? 'It is sent whole. The appliance checks it, and imports it all the same if this is closed.' : 'It is sent. To close this gives it up.'}</p>
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

function Form({ known, close, made }: { known: string[]; close: () => void; made: (set: ImageSet) => void }) {
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
  const sending = file !== undefined && sent !== undefined && !isWhole(file, sent);
  const checking = file !== undefined && sent !== undefined && isWhole(file, sent);
  useStay(sending);
  const reference = name.trim();
  const send = async (whole: File) => {
    // A name that is none is refused before gigabytes are sent.
    await getIfThere<ImageSet>(imagePath(reference));
    const said = { file: whole.name, as, boot: listOf(boot).join(), needs: listOf(needs).join(), labels: listOf(labels).join() };
    const query = Object.entries(said).filter(([, value]) => value !== '').map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
    setSent(0);
    try {
      made(await upload<ImageSet>(`${imagePath(reference)}?${query.join('&')}`, whole, setSent, ends.current.signal));
    } finally {
      setSent(undefined);
      refresh('/api/v1/'); // where its answer was lost, the list says whether it is there
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
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
      {file && sent !== undefined && <Progress file={file} sent={sent} />}
      <Ending label="Import" leave={checking ? 'Close' : undefined} close={close} problem={problem} disabled={busy} />
    </form>
  );
}

function Result({ set, close }: { set: ImageSet; close: () => void }) {
  const done = useRef<HTMLButtonElement>(null);
  useEffect(() => done.current?.focus(), []);
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

function Steps({ known, close }: { known: string[]; close: () => void }) {
  const [set, setSet] = useState<ImageSet | undefined>();
  return set ? <Result set={set} close={close} /> : <Form known={known} close={close} made={setSet} />;
}

/** `known`: the references that there are. */
export function ImportImage({ known }: { known: string[] }) {
  return <Opens label="Import a file" title="An image set from a file" kind="primary" wide>{(close) => <Steps known={known} close={close} />}</Opens>;
}
