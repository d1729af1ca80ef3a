// SPDX-License-Identifier: Apache-2.0
//
// Sending a file, of any size: by XMLHttpRequest, as fetch does not tell how far it is. It goes beside
// the requests of api.ts, which would wait behind it for as long as it takes. A session ends by its
// silence, which a file on its way is too, and nothing else is asked for while nobody looks.
import { keepSession, Problem, problemOf, signedOut } from './api';

const ASKS_EVERY = 300_000; // ms; far below the session's silence, as a hidden page's timers are late

const CUT = 'The connection ended before the file was whole. Is slipwayd running, is there room on its disk, is the file still what it was when it was chosen, and is it no larger than images.upload_max in slipway.toml?';
const MAYBE = 'The file was sent whole, but the connection ended before the answer. It may have been imported: look at the list of image sets before it is sent anew.';
const GIVEN_UP = 'It was given up, and nothing of it is kept.';

function answerOf<T>({ status, statusText, responseText }: XMLHttpRequest): T {
  if (status < 200 || status >= 300) throw problemOf(status, statusText, responseText);
  try {
    return JSON.parse(responseText) as T;
  } catch (error) {
    throw new Problem(0, 'Broken answer', String(error));
  }
}

/** `tell`: how many of its bytes have been sent. `ends`: gives it up, and the server keeps nothing of it; not once it is sent whole,
    as the server then goes on to its end, whoever waits for the answer. */
export function upload<T>(path: string, file: File, tell: (sent: number) => void, ends: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (ends.aborted) throw new Problem(0, 'Not sent', GIVEN_UP);
    const request = new XMLHttpRequest();
    request.open('PUT', path);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    let whole = file.size === 0;
    const sent = (count: number) => {
      whole = count >= file.size;
      tell(count);
    };
    request.upload.onprogress = (event) => sent(event.loaded);
    request.upload.onload = () => sent(file.size);
    request.onload = () => {
      if (request.status === 401) signedOut.tell();
      try {
        resolve(answerOf<T>(request));
      } catch (problem) {
        reject(problem);
      }
    };
    request.onerror = () => reject(whole ? new Problem(0, 'No answer', MAYBE) : new Problem(0, 'Not sent', CUT));
    request.onabort = () => reject(new Problem(0, 'Not sent', GIVEN_UP));
    ends.addEventListener('abort', () => whole || request.abort());
    const asks = setInterval(keepSession, ASKS_EVERY);
    request.onloadend = () => clearInterval(asks);
    request.send(file);
  });
}
