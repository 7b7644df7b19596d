import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { repository } from '../support/cli.ts';

const built = (module: string): string => pathToFileURL(join(repository, 'dist/photos', module)).href;
const PROGRAM = `
  import { readFile } from 'node:fs/promises';
  import { decodePhoto } from '${built('decode.js')}';
  import { readExif } from '${built('metadata/exif.js')}';
  const photos = [];
  for (const file of process.argv.slice(1)) {
    const bytes = await readFile(file);
    const decoded = await decodePhoto(bytes, { reduceFor: null });
    photos.push(decoded.kind === 'fault' ? decoded : { ...decoded.size, ...(await readExif(decoded.exif, bytes)) });
  }
  console.log(JSON.stringify(photos));
`;

test('Node itself finds the decoders and the EXIF reader in their bundles, and ends when they are done', async () => {
  const files = [
    'fixtures/photos/Zoo/red-panda-1.jpg',
    'test/data/heic-raw/phone.heic',
    'test/data/heic-raw/constructed.cr3',
  ].map((name) => join(repository, name));
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', PROGRAM, ...files]);
  expect(JSON.parse((await run).stdout)).toMatchObject([
    { width: 1104, height: 736, takenMs: Date.parse('2025-03-22T11:05:31.750Z'), camera: 'NIKON Z 6_2' },
    { width: 400, height: 600, takenMs: Date.parse('2024-05-06T07:08:09Z'), camera: 'Apple iPhone 15' },
    { width: 240, height: 360, takenMs: Date.parse('2024-05-06T07:08:09Z'), camera: 'Canon EOS M50' },
  ]);
});
