import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { forbidden, unwritable } from '../src/errors.ts';

const refused = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });

describe.skipIf(process.platform === 'win32')('a folder that cannot be written to', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'curate-owner-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is said to belong to another user when its owner could write there', () => {
    const owner = `belongs to another user (user id ${process.getuid?.()})`;
    expect(unwritable(folder, refused).message).toBe(`${folder} cannot be written to: it ${owner}.`);
    const inner = join(folder, 'not', 'made');
    expect(unwritable(inner, refused).message).toBe(`${inner} cannot be written to: ${folder} ${owner}.`);
  });

  it('holds a file that may not be read, which is not damaged', async () => {
    const file = join(folder, 'notes.json');
    await writeFile(file, '{}');
    expect(forbidden(file, refused)?.message).toBe(
      `${file} cannot be read: it belongs to another user (user id ${process.getuid?.()}).`,
    );
    expect(forbidden(file, new SyntaxError('Unexpected end'))).toBeNull();
  });

  it('is not when its owner could not either, or something else is wrong', async () => {
    const broken = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    expect(unwritable(folder, broken).message).toBe(`${folder} cannot be written to (EIO: i/o error).`);
    await chmod(folder, 0o500);
    expect(unwritable(folder, refused).message).toBe(`${folder} cannot be written to (EACCES: permission denied).`);
  });
});
