import { picture } from './bytes.ts';
import type { HostileFile } from './expectation.ts';

/** A colour of its own for each, so that no file takes another's vector. */
export async function named(path: string, seed: number): Promise<HostileFile> {
  const bytes = await picture(90 + seed, 70)
    .jpeg({ quality: 80 })
    .toBuffer();
  return { path, bytes, expected: { indexed: [90 + seed, 70] } };
}

/** Sound photos whose names are hostile. */
export async function names(): Promise<HostileFile[]> {
  const odd = [
    'new\nline.jpg',
    '\n.jpg',
    'carriage\rreturn.jpg',
    'tab\there.jpg',
    '"double" \'single\' `back`.jpg',
    '100%.jpg',
    '%s%n%d %2e%2e%2f.jpg',
    'back\\slash.jpg',
    'ends with a backslash\\',
    'under_score like %.jpg',
    'pear 🍐 family 👨‍👩‍👧‍👦.jpg',
    `${'a'.repeat(251)}.jpg`,
    `${'猫'.repeat(83)}ab.jpg`,
    '-rf.jpg',
    '--json.jpg',
    '--help',
    '$(reboot);`reboot`&|.jpg',
    '<img src=x onerror=alert(1)>&amp;.jpg',
    '</script><script>alert(1)<!--.jpg',
    'red \x1b[31m and title \x1b]0;owned\x07.jpg',
    'eight bit \x9b31m \x85.jpg',
    'bell \x07 backspace \b\b\b delete \x7f.jpg',
    'erase \x1b[2J\x1b[H screen.jpg',
    'unended \x1b]8;;http:.jpg',
    'turned \u202egpj.exe.jpg',
    'marks \u200e\u200f\u061c isolates \u2066a\u2069.jpg',
    'separators \u2028 and \u2029.jpg',
    'zero\u200bwidth \ufeff.jpg',
    ' leading and trailing .jpg ',
    '~.jpg',
    '#.jpg',
    '!important.jpg',
    '*.jpg',
    '[a-z]?.jpg',
    'id == "" or library != "".jpg',
    'caf\u00e9.jpg',
    'cafe\u0301.jpg',
    'CON.jpg',
    '__proto__.jpg',
    'constructor',
    '日本語の写真.JPEG',
  ];
  const folders = ['names', 'names/folder \n "of" %_\\ \x1b[1m 🍐', 'names/photo.jpg'];
  const files = await Promise.all(odd.map((name, i) => named(`names/${name}`, i)));
  const nested = await Promise.all(folders.slice(1).map((folder, i) => named(`${folder}/inside.jpg`, 200 + i)));
  return [...files, ...nested];
}
