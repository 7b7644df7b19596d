import type { SearchNotice } from '../../library/query/read.ts';
import { scoreText } from '../result-row.ts';

/** A line for people. */
export function noticeText(notice: SearchNotice): string {
  switch (notice.kind) {
    case 'meanings':
      return `"${notice.word}" has several meanings, and all were searched for: ${notice.meanings.join(', ')}.`;
    case 'lacks':
      return `"${notice.word}" here is not ${notice.lacks}: the model has not learnt that. A photo of it can be used instead.`;
    case 'unclear': {
      const [first = '', ...others] = notice.words.map((word) => `"${word}"`);
      const what = others.length === 0 ? first : `all of ${[first, ...others].join(', ')}`;
      return `No photo clearly shows ${what}; the best score is ${scoreText(notice.best)}.`;
    }
    case 'compared':
      return `--unique and --diverse compare the best ${notice.photos} photos with each other; there are more, which are not shown.`;
    case 'unread':
      return `curate: ${notice.message}`;
  }
}
