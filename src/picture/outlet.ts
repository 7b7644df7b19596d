import { access, constants, mkdir, readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve, sep } from 'node:path';
import { systemErrorCode, UserError, usageError, whyUnwritten } from '../errors.ts';
import { writeNew, writeWhole } from '../files/atomic-write.ts';
import { lineageFileOf } from './lineage/files.ts';
import { nameFromPrompt } from './names.ts';
import type { PictureFormat } from './port.ts';

const ENDINGS: Readonly<Record<string, PictureFormat>> = { png: 'png', jpg: 'jpeg', jpeg: 'jpeg', webp: 'webp' };

interface OutletRequest {
  readonly cwd: string;
  /** A file, a folder, or null for the current folder. */
  readonly out: string | null;
  readonly prompt: string;
  /** What the person asked for; null leaves it to the ending of `out`, or to what is usual. */
  readonly format: PictureFormat | null;
  readonly usual: PictureFormat;
  readonly n: number;
  readonly force: boolean;
  /** Where a picture is kept when it cannot be written where it should. */
  readonly spare: string;
}

/** Where pictures, their lineage and whatever else arrives are written: whole, and never over anything unless forced. */
export class Outlet {
  readonly folder: string;
  readonly format: PictureFormat;
  readonly #stem: string;
  /** Of a file that the person named; kept whatever format comes back. */
  readonly #ending: string | null;
  readonly #request: OutletRequest;

  private constructor(request: OutletRequest, folder: string, stem: string, ending: string | null) {
    this.folder = folder;
    this.format = request.format ?? ENDINGS[ending?.toLowerCase() ?? ''] ?? request.usual;
    this.#stem = stem;
    this.#ending = ending;
    this.#request = request;
  }

  /** Finds names before anything is paid. @throws UserError when they are taken or the folder cannot be written */
  static async open(request: OutletRequest): Promise<Outlet> {
    const { cwd, out, prompt, format, n, force } = request;
    const target = resolve(cwd, out ?? '.');
    const isFolder = out === null || /[\\/]$/.test(out) || (await kind(target)) === 'folder' || extname(target) === '';
    if (isFolder) {
      await makeFolder(target);
      const base = nameFromPrompt(prompt);
      return new Outlet(request, target, force ? base : await freeStem(target, base, n), null);
    }
    const ending = extname(target).slice(1);
    const named = ENDINGS[ending.toLowerCase()];
    if (named === undefined) throw usageError(`The ending of ${out} is none of .png, .jpg, .webp.`);
    if (format !== null && format !== named)
      throw usageError(`The format ${format} and the ending of ${out} do not agree.`);
    await makeFolder(dirname(target));
    const outlet = new Outlet(request, dirname(target), basename(target, `.${ending}`), ending);
    if (!force) await outlet.#demandFree(n);
    return outlet;
  }

  /**
   * Writes a picture and says where. @param index of `n` pictures, from 0
   * @param lineage makes the text of the lineage file, once the picture's name is known
   */
  async picture(
    bytes: Uint8Array,
    { index, n, format }: { readonly index: number; readonly n: number; readonly format: PictureFormat },
    lineage: (file: string) => string,
  ): Promise<{ readonly file: string; readonly lineage: string }> {
    const ending = this.#ending ?? (format === 'jpeg' ? 'jpg' : format);
    const file = await this.#put(n === 1 ? '' : `-${index + 1}`, ending, bytes);
    const beside = lineageFileOf(file);
    if (!(await this.#write(beside, lineage(file)))) {
      throw new UserError('exists', `The picture is written, but ${beside} was there already.`, {
        hint: 'Move that file away; the picture itself is safe.',
      });
    }
    return { file, lineage: beside };
  }

  /** Writes something that belongs beside the picture: `mark` goes between its name and its ending. */
  extra(mark: string, ending: string, bytes: string | Uint8Array): Promise<string> {
    return this.#put(`.${mark}`, ending, bytes);
  }

  async #put(mark: string, ending: string, bytes: string | Uint8Array): Promise<string> {
    try {
      return await this.#putIn(this.folder, mark, ending, bytes);
    } catch (error) {
      if (systemErrorCode(error) === null) throw error;
      // It is paid for: better in a strange place than lost.
      const file = await this.#putIn(this.#request.spare, mark, ending, bytes).catch(() => null);
      throw new UserError(
        'cannot_write',
        `Cannot write to ${this.folder}${sep}: ${whyUnwritten(join(this.folder, this.#stem), error)}.`,
        {
          hint: file === null ? 'Make room and try again.' : `What came back is kept as ${file}.`,
          cause: error,
        },
      );
    }
  }

  async #putIn(folder: string, mark: string, ending: string, bytes: string | Uint8Array): Promise<string> {
    for (let number = 1; ; number += 1) {
      const file = join(folder, `${this.#stem}${number === 1 ? '' : `-${number}`}${mark}.${ending}`);
      if (await this.#write(file, bytes)) return file;
    }
  }

  async #write(file: string, bytes: string | Uint8Array): Promise<boolean> {
    if (!this.#request.force) return writeNew(file, bytes);
    await writeWhole(file, bytes);
    return true;
  }

  async #demandFree(n: number): Promise<void> {
    const stems = n === 1 ? [this.#stem] : Array.from({ length: n }, (_, i) => `${this.#stem}-${i + 1}`);
    for (const stem of stems) {
      const file = join(this.folder, `${stem}.${this.#ending}`);
      for (const name of [file, lineageFileOf(file)]) {
        if ((await kind(name)) === null) continue;
        throw new UserError('exists', `${name} exists already.`, {
          hint: 'Choose another --out, or add --force to replace it.',
          kind: 'refused',
        });
      }
    }
  }
}

/** The first of `base`, `base-2`, `base-3`, ... under which nothing stands in the folder. */
async function freeStem(folder: string, base: string, n: number): Promise<string> {
  // A rehearsal of the same prompt is no picture.
  const names = (await readdir(folder))
    .map((name) => name.toLowerCase())
    .filter((name) => !/\.dry-run(-\d+)?$/.test(name));
  const taken = (stem: string): boolean =>
    names.some((name) => name.startsWith(`${stem}.`) || (n > 1 && name.startsWith(`${stem}-1.`)));
  let stem = base;
  for (let number = 2; taken(stem); number += 1) stem = `${base}-${number}`;
  return stem;
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (error) {
    const why = whyUnwritten(systemErrorCode(error) === 'EEXIST' ? folder : join(folder, 'picture'), error);
    throw new UserError('cannot_write', `Cannot write to ${folder}${sep}: ${why}.`, {
      hint: 'Choose another folder: --out FOLDER',
      cause: error,
    });
  }
}

async function kind(path: string): Promise<'file' | 'folder' | null> {
  return stat(path).then(
    (found) => (found.isDirectory() ? 'folder' : 'file'),
    () => null,
  );
}
