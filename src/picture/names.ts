import { sha256 } from '../files/hash.ts';

/** Names that Windows keeps for devices, with any ending. */
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)$/;
const LONGEST = 60;

/**
 * A file name (without ending) from a prompt: lower-case ASCII letters, digits and hyphens, which every file system
 * takes, cut at a word. Where they say little of the prompt (another script, pictographs), a few digits of its sha256
 * tell it from others.
 */
export function nameFromPrompt(prompt: string): string {
  const plain = prompt.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  const words = plain.split(/[^a-z0-9]+/).filter((word) => word !== '');
  let name = '';
  for (const word of words) {
    const longer = name === '' ? word.slice(0, LONGEST) : `${name}-${word}`;
    if (longer.length > LONGEST) break;
    name = longer;
  }
  const foreign = plain.match(/[^\p{ASCII}]/gu)?.length ?? 0;
  if (foreign > name.length) {
    name = `${name === '' ? 'picture' : name.slice(0, LONGEST - 9)}-${sha256(Buffer.from(prompt)).slice(0, 8)}`;
  }
  if (name === '') return 'picture';
  return RESERVED.test(name) ? `${name}-picture` : name;
}
