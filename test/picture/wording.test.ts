import { describe, expect, it } from 'vitest';
import type { PlannedReference } from '../../src/picture/plan.ts';
import { composeText } from '../../src/picture/wording.ts';

type Facts = Pick<PlannedReference, 'role' | 'score' | 'reason'>;

const query: Facts = { role: 'query', score: null, reason: 'query' };
const named: Facts = { role: 'reference', score: null, reason: 'named by hand' };
const cast: Facts = { role: 'reference', score: 0.8, reason: 'like the query' };
const picked: Facts = { role: 'reference', score: 0.2, reason: 'picked' };
const picture: Facts = { role: 'picture', score: null, reason: 'the picture to change' };

function said(...facts: readonly Facts[]): string {
  const text = composeText('PROMPT', facts as readonly PlannedReference[], false);
  return text.replace(/ Use (them|it) for .*/s, '').replace(/\n\nPROMPT$/, '');
}

describe('the paragraph before the prompt', () => {
  it.each([
    [[query], 'Picture 1 is the main reference photo.'],
    [[query, cast], 'Picture 1 is the main reference photo. Picture 2 is a photo like it, as a further reference.'],
    [
      [query, cast, cast, cast],
      'Picture 1 is the main reference photo. Pictures 2 to 4 are photos like it, as further references.',
    ],
    [
      [query, named, cast, cast],
      'Picture 1 is the main reference photo. Pictures 3 to 4 are photos like it, as further references. Picture 2 is a further reference photo.',
    ],
    [[query, picked, picked], 'Picture 1 is the main reference photo. Pictures 2 to 3 are further reference photos.'],
    [
      [query, picked, cast, picked],
      'Picture 1 is the main reference photo. Picture 3 is a photo like it, as a further reference. Pictures 2 and 4 are further reference photos.',
    ],
    [[cast, cast], 'The 2 pictures are reference photos.'],
    [
      [picture, query, named],
      'Picture 1 is the one to change; keep what is not mentioned as it is. Pictures 2 to 3 are photos it was made from.',
    ],
  ])('says nothing of the pictures that is not true: %#', (facts, text) => {
    expect(said(...facts)).toBe(text);
  });

  it.each([
    [[query], 'Use it for how people, animals, places and things look; make a new picture instead of pasting it in.'],
    [[cast], 'Use it for how people, animals, places and things look; make a new picture instead of pasting it in.'],
    [
      [query, cast],
      'Use them for how people, animals, places and things look; make a new picture instead of pasting them in.',
    ],
  ])('speaks of one picture as of one: %#', (facts, use) => {
    expect(composeText('PROMPT', facts as unknown as PlannedReference[], false)).toMatch(
      new RegExp(` ${use}\n\nPROMPT$`),
    );
  });

  it('is left out when the prompt is to be sent alone, or no picture is', () => {
    expect(composeText('PROMPT', [query] as unknown as PlannedReference[], true)).toBe('PROMPT');
    expect(composeText('PROMPT', [], false)).toBe('PROMPT');
  });
});
