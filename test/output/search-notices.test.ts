import { describe, expect, it } from 'vitest';
import { noticeText } from '../../src/output/terminal/search-notices.ts';

describe('a line beside the results', () => {
  it('says for what a word was taken, and that there was more', () => {
    const taken = (things: string): string => noticeText({ kind: 'taken', word: 'street', things });
    expect(taken('street sign')).toBe('"street" was searched for as street sign.');
    expect(taken('street sign, traffic light, ...')).toBe(
      '"street" was searched for as street sign, traffic light and others.',
    );
  });

  it('says how libraries are found that have no folder on this machine', () => {
    const elsewhere = (libraries: readonly string[]): string => noticeText({ kind: 'elsewhere', libraries });
    expect(elsewhere(['Family NAS'])).toBe(
      'Family NAS has no folder on this machine. Where it has one, CURATE_ROOT_family_nas=FOLDER says so.',
    );
    expect(elsewhere(['a', 'b'])).toBe(
      'a and b have no folders on this machine. Where they have, CURATE_ROOT_a=FOLDER and CURATE_ROOT_b=FOLDER say so.',
    );
  });

  it('says of how many photos the words can be seen', () => {
    const partly = (photos: number): string => noticeText({ kind: 'partly', words: ['dog'], photos, of: 6000 });
    expect(partly(1)).toBe('Only one of these 6,000 seems to show "dog"; --min-score 0.1 leaves out the others.');
    expect(partly(3000)).toBe('Only 3,000 of these 6,000 seem to show "dog"; --min-score 0.1 leaves out the others.');
    const both = { kind: 'partly', words: ['dog', 'beach'], photos: 1, of: 6 } as const;
    expect(noticeText(both)).toBe('Only one of these 6 seems to show all of "dog", "beach".');
    expect(noticeText({ kind: 'unclear', words: ['dog', 'beach'], best: 0.0441 })).toBe(
      'No photo clearly shows all of "dog", "beach"; the best score is 0.044.',
    );
  });
});
