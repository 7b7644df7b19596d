import type { PlannedReference } from './plan.ts';

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
  const others = references.length - 1;
  const rest = others === 1 ? 'Picture 2 is a photo' : `Pictures 2 to ${references.length} are photos`;
  if (first.role === 'picture') {
    const made = others === 0 ? '' : ` ${rest} it was made from.`;
    return `Picture 1 is the one to change; keep what is not mentioned as it is.${made}`;
  }
  const use =
    'Use them for how people, animals, places and things look; make a new picture instead of pasting them in.';
  if (first.role === 'reference') {
    return `The ${references.length === 1 ? 'picture is a reference photo' : `${references.length} pictures are reference photos`}. ${use}`;
  }
  const similar = others === 0 ? '' : ` ${rest} like it, as further references.`;
  return `Picture 1 is the main reference photo.${similar} ${use}`;
}
