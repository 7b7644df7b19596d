import { expect, test } from 'vitest';
import { failureOf, type MilvusFailure } from '../../src/store/milvus/failure.ts';
import { pauseAfter, Weather } from '../../src/store/milvus/weather.ts';
import { testWorld } from '../support/world.ts';

function failure(value: unknown): MilvusFailure {
  const found = failureOf(value);
  if (found === null) throw new Error('that is no failure');
  return found;
}

const status = (code: number, reason = 'x') =>
  failure({ status: { error_code: 'UnexpectedError', code, reason, extra_info: {}, retriable: false, detail: '' } });
const grpc = (code: number, details: string) => failure(Object.assign(new Error(details), { code, details }));

/** A weather with a clock that stands still unless one is given, and what it said. */
function weather({ patienceMs = 10_000, met = true, expected = false, elapsed = (): number => 0 } = {}) {
  const said: number[] = [];
  const world = testWorld({ elapsed });
  const made = new Weather({ world, patienceMs, expected, onWaiting: (seconds) => said.push(seconds) });
  if (met) made.met();
  return { wait: made.forCall(), said };
}

test.concurrent.each([
  ['a rate limit', status(8)],
  ['too many requests', status(4)],
  ['a server that starts', status(1)],
  ['a collection that is not fully loaded', status(103)],
  ['a rate limit of a proxy', grpc(8, 'too many requests')],
  ['a server that went away', grpc(14, 'connect ECONNREFUSED 127.0.0.1:1')],
  ['a server that ends calls as it stops', grpc(1, 'CANCELLED')],
  ['a server that does not answer', grpc(4, 'Deadline exceeded')],
  ['a stream that is reset', grpc(13, 'Received RST_STREAM with code 2')],
])('%s passes', async (_, passing) => {
  expect(await weather().wait(passing)).toBe(true);
});

test.each([
  ['a wrong token', status(1400)],
  ['a collection that is missing', status(100)],
  ['a full disk', status(7)],
  ['an answer too large', grpc(8, 'Received message larger than max')],
  ['a host that is not Milvus', grpc(12, 'unimplemented')],
  ['a refused sign-in', grpc(16, 'auth')],
])('%s stays', async (_, lasting) => {
  expect(await weather().wait(lasting)).toBe(false);
});

test('an address that never answered is wrong rather than away, but a cut while greeting passes', async () => {
  for (const wrong of [grpc(14, 'connect ECONNREFUSED 127.0.0.1:1'), grpc(14, 'Name resolution failed'), grpc(4, 'x')])
    expect(await weather({ met: false }).wait(wrong)).toBe(false);
  expect(await weather({ met: false, expected: true }).wait(grpc(14, 'connect ECONNREFUSED 127.0.0.1:1'))).toBe(true);
  expect(await weather({ met: false }).wait(grpc(14, 'read ECONNRESET'))).toBe(true);
  expect(await weather({ met: false }).wait(status(8))).toBe(true);
});

/** Waits so often, by a clock that goes exactly as long as each pause should take. */
async function waitsOf(pauses: readonly number[], patienceMs: number) {
  let now = 0;
  const { wait, said } = weather({ patienceMs, elapsed: () => now });
  const [started, answers] = [performance.now(), []] as [number, boolean[]];
  for (const pause of pauses) {
    answers.push(await wait(grpc(14, 'connect ECONNREFUSED')));
    now += pause;
  }
  return { answers, said, tookMs: performance.now() - started };
}

test('pauses grow, are said once a second or more has passed, and end with the patience', {
  timeout: 20_000,
}, async () => {
  const pauses = [500, 1_000, 2_000];
  const [hasty, patient] = await Promise.all([waitsOf(pauses, 3_499), waitsOf(pauses, 3_500)]);
  expect(hasty.answers).toEqual([true, true, false]);
  expect(hasty.said).toEqual([]);
  // Timers may be a millisecond early, and on a busy machine as late as they like.
  expect(hasty.tookMs).toBeGreaterThan(1_490);
  expect(patient.answers).toEqual([true, true, true]);
  expect(patient.said).toEqual([2]);
  expect(patient.tookMs).toBeGreaterThan(3_490);
});

test('a server that wants fewer requests is asked ever less often, one that is not heard of every five seconds', () => {
  const pauses = (kind: MilvusFailure['kind']) => Array.from({ length: 8 }, (_, tries) => pauseAfter(tries, { kind }));
  expect(pauses('busy')).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  for (const kind of ['unreachable', 'silent'] as const) {
    expect(pauses(kind)).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000, 5_000]);
  }
});

test('Ctrl-C ends the waiting at once', async () => {
  const interrupt = new AbortController();
  const world = testWorld({ interrupted: interrupt.signal });
  const wait = new Weather({ world, onWaiting: () => undefined }).forCall();
  const waiting = wait(status(8));
  interrupt.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
});
