import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { decodePhoto } from '../../src/photos/decode.ts';
import { Crossing } from '../../src/photos/sharp.ts';

it('lets nothing in beside work that runs alone, and leaves nobody waiting', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), async (aloneOrNot) => {
      const crossing = new Crossing();
      let inside = 0;
      let alone = false;
      const work = (mine: boolean) => async (): Promise<void> => {
        expect(alone || (mine && inside > 0)).toBe(false);
        inside += 1;
        alone = mine;
        await sleep(1);
        inside -= 1;
        alone = false;
      };
      await Promise.all(aloneOrNot.map((mine) => (mine ? crossing.alone(work(true)) : crossing.together(work(false)))));
      expect(inside).toBe(0);
    }),
    { numRuns: 40 },
  );
});

it('says the same of a damaged photo, and of a sound one, however many are decoded beside it', async () => {
  const sound = await sharp({ create: { width: 320, height: 240, channels: 3, background: '#a63' } })
    .jpeg()
    .toBuffer();
  const damaged = Buffer.from(sound);
  const frame = damaged.findIndex((byte, i) => byte === 0xff && damaged[i + 1] === 0xc0);
  damaged.writeUInt16BE(9000, frame + 5);
  damaged.writeUInt16BE(9000, frame + 7);
  // Harmless: bytes between two segments, as some phones write them.
  const padded = Buffer.concat([sound.subarray(0, frame), Buffer.from([0, 0, 0]), sound.subarray(frame)]);
  const cases = [damaged, sound, padded, Buffer.from('GIF89a, but no more of it')];
  const verdicts = await Promise.all(
    Array.from({ length: 80 }, async (_, i) => {
      const result = await decodePhoto(cases[i % cases.length] ?? sound, { reduceFor: 235 });
      return result.kind === 'fault' ? result.fault.code : 'decoded';
    }),
  );
  const [first, second, third, fourth] = verdicts;
  expect([first, second, third, fourth]).toEqual(['corrupt', 'decoded', 'decoded', 'corrupt']);
  for (const [i, verdict] of verdicts.entries()) expect(verdict).toBe(verdicts[i % cases.length]);
});
