import { BY_HAND, type PlannedReference } from './plan.ts';

/** The longest text the API takes, in characters. */
export const LONGEST_TEXT = 32_000;

/**
 * The prompt as written, after one short paragraph that says what the pictures are, in their order. `raw` leaves the
 * paragraph out.
 */
export function composeText(prompt: string, references: readonly PlannedReference[], raw: boolean): string {
  const introduction = raw ? '' : introduce(references);
  return introduction === '' ? prompt : `${introduction}\n\n${prompt}`;
}

function introduce(references: readonly PlannedReference[]): string {
  const [first] = references;
  if (first === undefined) return '';
  if (first.role === 'picture') {
    const made = sentence(references, () => true, ['is a photo it was made from', 'are photos it was made from']);
    return `Picture 1 is the one to change; keep what is not mentioned as it is.${made}`;
  }
  const them = references.length === 1 ? 'it' : 'them';
  const use = `Use ${them} for how people, animals, places and things look; make a new picture instead of pasting ${them} in.`;
  if (first.role === 'reference') {
    return `The ${references.length === 1 ? 'picture is a reference photo' : `${references.length} pictures are reference photos`}. ${use}`;
  }
  // What was named or picked by hand need not be like the query.
  const isCast = ({ score, reason }: PlannedReference): boolean => score !== null && reason !== BY_HAND.picked;
  const named = sentence(references, (photo) => !isCast(photo), [
    'is a further reference photo',
    'are further reference photos',
  ]);
  const alike = sentence(references, isCast, [
    'is a photo like it, as a further reference',
    'are photos like it, as further references',
  ]);
  return `Picture 1 is the main reference photo.${alike}${named} ${use}`;
}

/** " Pictures 2 to 5 are photos like it." of those behind the first that `applies` to; "" of none. */
function sentence(
  references: readonly PlannedReference[],
  applies: (photo: PlannedReference) => boolean,
  [one, several]: readonly [string, string],
): string {
  const numbers = references.flatMap((photo, i) => (i > 0 && applies(photo) ? [i + 1] : []));
  const [firstOf, lastOf] = [numbers[0], numbers.at(-1)];
  if (firstOf === undefined || lastOf === undefined) return '';
  if (numbers.length === 1) return ` Picture ${firstOf} ${one}.`;
  const isRun = lastOf - firstOf === numbers.length - 1;
  const listed = isRun ? `${firstOf} to ${lastOf}` : `${numbers.slice(0, -1).join(', ')} and ${lastOf}`;
  return ` Pictures ${listed} ${several}.`;
}
