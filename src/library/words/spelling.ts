import pluralize from 'pluralize';

/** Spellings of one word; the other in each pair is the one that is looked up. */
const AMERICAN: Readonly<Record<string, string>> = {
  grey: 'gray',
  centre: 'center',
  theatre: 'theater',
  colour: 'color',
  harbour: 'harbor',
  armour: 'armor',
  jewellery: 'jewelry',
  jeweller: 'jeweler',
  tyre: 'tire',
  plough: 'plow',
  snowplough: 'snowplow',
  sulphur: 'sulfur',
  aeroplane: 'airplane',
  pyjama: 'pajama',
  pyjamas: 'pajamas',
  hyaena: 'hyena',
  woollen: 'woolen',
  whisky: 'whiskey',
  moulding: 'molding',
  mollusc: 'mollusk',
};

/**
 * What a word is compared by: in lower case, without accents, apostrophes and full stops, hyphens and other marks as
 * spaces, in American spelling.
 */
export function spellingOf(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f'\u2018\u2019`.]/g, '')
    .replace(/[",;:!?&+()\u201c\u201d]/g, ' ')
    .toLowerCase()
    .split(/[\s_\-\u2010-\u2015]+/)
    .filter((part) => part !== '')
    .map((part) => (Object.hasOwn(AMERICAN, part) ? AMERICAN[part] : part))
    .join(' ');
}

/** With its last word, or all of them, in the singular; also by merely taking the ending off ("plushies", "spitzes"). */
export function singulars(spelling: string): string[] {
  const parts = spelling.split(' ');
  const singular = parts.map((part) => pluralize.singular(part));
  const forms = [[...parts.slice(0, -1), ...singular.slice(-1)].join(' '), singular.join(' ')];
  for (const ending of ['s', 'es']) if (spelling.endsWith(ending)) forms.push(spelling.slice(0, -ending.length));
  // Spelt again: "aeroplanes" is American only once it is an aeroplane.
  return forms.map(spellingOf);
}

/** As one word: "bow tie" and "bowtie" are one. */
export function together(spelling: string): string {
  return spelling.replaceAll(' ', '');
}
