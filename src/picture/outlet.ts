import { readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { systemErrorCode, UserError, usageError, whyUnwritten } from '../errors.ts';
import { writeNew, writeWhole } from '../files/atomic-write.ts';
import { lineageFileOf, UNANSWERED } from './lineage/files.ts';
import { nameFromPrompt } from './names.ts';
import { demandNameable, demandWritable, ENDINGS, kind, makeFolder, placeOf } from './place.ts';
import type { PictureFormat } from './port.ts';

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
  /** Where a picture is kept when it cannot be written where it should, the first of these folders that takes it. */
  readonly spares: readonly string[];
}

/** A picture on the disk, with its lineage. */
interface Written {
  readonly file: string;
  readonly lineage: string;
  /** Why it lies in another folder than it should, as a sentence; null when it does not. */
  readonly strayed: string | null;
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
    const place = await placeOf(cwd, out);
    const standing = await demandWritable(place.folder);
    if (place.kind === 'file') await demandNameable(standing, place);
    if (place.kind === 'folder') {
      const base = nameFromPrompt(prompt);
      const stem = force ? base : await freeStem(place.folder, base, n);
      return new Outlet(request, place.folder, stem, null);
    }
    if (format !== null && format !== place.format)
      throw usageError(`The format ${format} and the ending of ${out} do not agree.`);
    const outlet = new Outlet(request, place.folder, place.stem, place.ending);
    if (!force) await outlet.#demandFree(n);
    return outlet;
  }

  /**
   * Does `work` with the folder there. Should nothing be written after all, a folder that was made for it goes again.
   * @throws UserError `cannot_write`
   */
  async during<T>(work: () => Promise<T>): Promise<T> {
    const first = await makeFolder(this.folder);
    try {
      return await work();
    } catch (error) {
      for (let folder = this.folder; first !== undefined; folder = dirname(folder)) {
        const removed = await rmdir(folder).then(
          () => true,
          () => false,
        );
        if (!removed || folder === first) break;
      }
      throw error;
    }
  }

  /**
   * Writes a picture with its lineage and says where: it is paid for, so better in a strange place than lost.
   * @param index of `n` pictures, from 0
   * @param lineage makes the text of the lineage file, once the picture's file is known
   * @throws UserError `cannot_write` when it cannot be kept anywhere
   */
  picture(
    bytes: Uint8Array,
    { index, n, format }: { readonly index: number; readonly n: number; readonly format: PictureFormat },
    lineage: (file: string) => string,
  ): Promise<Written> {
    const ending = this.#ending ?? (format === 'jpeg' ? 'jpg' : format);
    const mark = n === 1 ? '' : `-${index + 1}`;
    /** Written here for the first time, without its lineage so far. */
    const alone = new Set<string>();
    return this.#somewhere(async (folder, strayed) => {
      for (const file of this.#names(folder, mark, ending)) {
        const beside = lineageFileOf(file);
        if (!this.#mayReplace(folder) && (await kind(beside)) !== null) continue;
        if (!(await this.#write(folder, file, bytes))) continue;
        if (!this.#mayReplace(folder)) alone.add(file);
        if (!(await this.#write(folder, beside, lineage(file)))) continue;
        alone.delete(file);
        // One that lacks room for its lineage is not left behind once it is kept elsewhere.
        for (const other of alone) await rm(other, { force: true }).catch(() => undefined);
        return { file, lineage: beside, strayed };
      }
      throw new Error('names never end');
    });
  }

  /**
   * Writes something that belongs beside the picture: `mark` goes between its name and its ending.
   * @throws UserError `cannot_write` when it cannot be kept anywhere
   */
  extra(mark: string, ending: string, bytes: string | Uint8Array): Promise<string> {
    return this.#somewhere((folder) => this.#extraIn(folder, mark, ending, bytes));
  }

  /**
   * Writes the record of a request that is about to be sent, over nothing even where that is allowed.
   * @throws UserError `cannot_write` when it cannot be kept anywhere
   */
  unanswered(record: string): Promise<string> {
    return this.#somewhere(async (folder) => {
      for (const file of this.#names(folder, UNANSWERED, 'json')) if (await writeNew(file, record)) return file;
      throw new Error('names never end');
    });
  }

  /** Writes a picture in the making beside the picture. @returns null when that cannot be: it is not worth more */
  partial(index: number, ending: string, bytes: Uint8Array): Promise<string | null> {
    return this.#extraIn(this.folder, `partial-${index + 1}`, ending, bytes).catch(() => null);
  }

  async #extraIn(folder: string, mark: string, ending: string, bytes: string | Uint8Array): Promise<string> {
    for (const file of this.#names(folder, `.${mark}`, ending)) {
      if (await this.#write(folder, file, bytes)) return file;
    }
    throw new Error('names never end');
  }

  /** @param write throws a system error where it cannot */
  async #somewhere<T>(write: (folder: string, strayed: string | null) => Promise<T>): Promise<T> {
    let first: unknown = null;
    let why: string | null = null;
    for (const folder of [this.folder, ...this.#request.spares]) {
      try {
        return await write(folder, why);
      } catch (error) {
        if (systemErrorCode(error) === null) throw error;
        first ??= error;
        why ??= `Cannot write to ${this.folder}${sep}: ${whyUnwritten(join(this.folder, this.#stem), error)}.`;
      }
    }
    throw new UserError('cannot_write', why ?? '', { hint: 'Make room and try again.', cause: first });
  }

  *#names(folder: string, mark: string, ending: string): Generator<string> {
    for (let number = 1; ; number += 1) {
      // What its own folder takes as a name, another may not.
      const stem = folder === this.folder ? this.#stem : nameFromPrompt(this.#request.prompt);
      yield join(folder, `${stem}${number === 1 ? '' : `-${number}`}${mark}.${ending}`);
    }
  }

  async #write(folder: string, file: string, bytes: string | Uint8Array): Promise<boolean> {
    if (!this.#mayReplace(folder)) return writeNew(file, bytes);
    await writeWhole(file, bytes);
    return true;
  }

  /** Nobody forced anything in a folder that was not named. */
  #mayReplace(folder: string): boolean {
    return this.#request.force && folder === this.folder;
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
  const names = (await readdir(folder).catch(() => []))
    .map((name) => name.toLowerCase())
    .filter((name) => !/\.dry-run(-\d+)?$/.test(name));
  const taken = (stem: string): boolean =>
    names.some((name) => name.startsWith(`${stem}.`) || (n > 1 && name.startsWith(`${stem}-1.`)));
  let stem = base;
  for (let number = 2; taken(stem); number += 1) stem = `${base}-${number}`;
  return stem;
}
