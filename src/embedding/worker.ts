import { constants, setPriority } from 'node:os';
import process from 'node:process';
import pLimit from 'p-limit';
import { messageOf } from '../errors.ts';
import { type EmbedDeps, embedPhoto } from './embed-photo.ts';
import { openOnDevice } from './inference.ts';
import type { Answer, FromWorker, OpenWorker, ToWorker } from './protocol.ts';

// A process of its own, started by the pool: a crash in native code costs one photo and not the run.
// Its lifetime is the pool's: Ctrl-C, which the terminal sends to every process, is the parent's to decide on,
// and when the channel closes, whether by `close` or because the parent died, this process ends.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());

let deps: EmbedDeps | null = null;
/** By photo: what waits for the answer. */
const questions = new Map<number, (answer: Answer) => void>();

process.on('message', (message: ToWorker) => {
  if (message.kind === 'open') {
    deps = open(message);
    return;
  }
  // The pool opens before it sends the first photo.
  if (deps === null) throw new Error('a photo came before the model');
  const { id } = message;
  if (message.kind === 'answer') {
    questions.get(id)?.(message.answer);
    questions.delete(id);
    return;
  }
  const ask = (sha256: string): Promise<Answer> =>
    new Promise((resolve) => {
      questions.set(id, resolve);
      send({ kind: 'question', id, sha256 });
    });
  embedPhoto(message.file, message.ask ? ask : null, deps).then(
    ({ result, timings }) => send({ kind: 'result', id, result, timings }),
    (error) => send({ kind: 'broken', message: messageOf(error) }),
  );
});

function open({ model, exact, gentle, device, threads, cacheDir }: OpenWorker): EmbedDeps {
  if (gentle) setPriority(constants.priority.PRIORITY_LOW);
  const session = openOnDevice(model, cacheDir, device, process.platform, threads);
  session.then(
    ({ fallback }) => send({ kind: 'ready', fallback }),
    (error) => send({ kind: 'broken', message: messageOf(error) }),
  );
  const infer = session.then((opened) => opened.infer);
  // Whoever infers reports the failure; until then it must not count as unhandled.
  infer.catch(() => undefined);
  // One photo at a time keeps a worker to one processor: what one stage leaves to another is still in its cache.
  return { input: model.input, exact, infer, inTurn: pLimit(1), elapsed: () => performance.now() };
}

function send(message: FromWorker): void {
  // The parent may be gone already; then this process is about to end, too.
  if (process.connected) process.send?.(message);
}
