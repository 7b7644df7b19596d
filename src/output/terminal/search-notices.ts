import type { SearchNotice } from '../../library/query/terms.ts';
import { SEEN } from '../../library/words/seen.ts';
import { spelling } from '../../settings.ts';
import { scoreText } from '../result-row.ts';
import { grouped, listed } from '../text.ts';

/** A line for people. */
export function noticeText(notice: SearchNotice): string {
  switch (notice.kind) {
    case 'meanings':
      return `"${notice.word}" has several meanings, and all were searched for: ${notice.meanings.join(', ')}.`;
    case 'taken':
      return `"${notice.word}" was searched for as ${notice.things.replace(/, \.{3}$/, ' and others')}.`;
    case 'lacks':
      return `"${notice.word}" here is not ${notice.lacks}: the model has not learnt that. A photo of it can be used instead.`;
    case 'unclear':
      return `No photo clearly shows ${quoted(notice.words)}; the best score is ${scoreText(notice.best)}.`;
    case 'partly': {
      // Of several words the score is a mean: a photo that hardly shows one of them may have more.
      const cut = notice.words.length === 1 ? `; --min-score ${SEEN} leaves out the others` : '';
      return `Only ${notice.photos === 1 ? 'one' : grouped(notice.photos)} of these ${grouped(notice.of)} ${notice.photos === 1 ? 'seems' : 'seem'} to show ${quoted(notice.words)}${cut}.`;
    }
    case 'unmeasured':
      return 'How rare such a likeness is cannot be said with this model before 500 photos are indexed.';
    case 'compared':
      return `Only the best ${grouped(notice.photos)} photos are compared with each other; there are more, which are not shown.`;
    case 'elsewhere': {
      const roots = listed(notice.libraries.map((name) => `CURATE_ROOT_${spelling(name)}=FOLDER`));
      return notice.libraries.length === 1
        ? `${notice.libraries[0]} has no folder on this machine. Where it has one, ${roots} says so.`
        : `${listed(notice.libraries)} have no folders on this machine. Where they have, ${roots} say so.`;
    }
    case 'unread':
      return `curate: ${notice.message}`;
  }
}

function quoted(words: readonly string[]): string {
  const [first = '', ...others] = words.map((word) => `"${word}"`);
  return others.length === 0 ? first : `all of ${[first, ...others].join(', ')}`;
}
