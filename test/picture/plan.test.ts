import fc from 'fast-check';
import { expect, it } from 'vitest';
import { groupByReason } from '../../src/picture/plan.ts';

it('brings together what was left out for one reason, the figures of each aside', () => {
  const photos = [
    { file: 'a', reason: 'not like the query (0.31)' },
    { file: 'b', reason: 'private' },
    { file: 'c', reason: 'not like the query (0.20)' },
  ];
  expect(groupByReason(photos)).toEqual([
    { reason: 'not like the query', photos: [photos[0], photos[2]] },
    { reason: 'private', photos: [photos[1]] },
  ]);
});

it('loses no photo and says each once', () => {
  const reasons = fc.array(fc.record({ reason: fc.stringMatching(/^[a-c ]{1,3}( \([0-9]\))?$/) }));
  fc.assert(
    fc.property(reasons, (photos) => {
      const grouped = groupByReason(photos).flatMap((group) => group.photos);
      expect(grouped.length).toBe(photos.length);
      expect(new Set(grouped)).toEqual(new Set(photos));
    }),
  );
});
