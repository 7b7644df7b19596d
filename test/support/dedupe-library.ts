import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { type DedupePlan, planDedupe } from '../../src/library/dedupe/plan.ts';
import type { DedupeRequest } from '../../src/library/dedupe/request.ts';
import { KINDS } from '../../src/library/dedupe/stars.ts';
import { photoId } from '../../src/library/paths.ts';
import { FACTS_VERSION } from '../../src/photos/facts.ts';
import type { TakenFrom } from '../../src/photos/metadata/taken.ts';
import { type RenderPhoto, renderPhoto } from '../../src/photos/render.ts';
import type { Settings } from '../../src/settings.ts';
import { unit } from '../store/samples.ts';
import { HashEmbedder, testModel } from './hash-embedder.ts';
import { MemoryStore } from './memory-store.ts';
import { memorySession } from './session.ts';

interface Known {
  /** Direction of the vector's roots, in degrees: root cosines are those of the differences. */
  readonly angle?: number;
  readonly takenMs?: number;
  readonly takenFrom?: TakenFrom;
  readonly camera?: string;
  readonly quality?: number;
}

const square = (value: number): number => Math.sign(value) * value ** 2;

/** Real photos, in an index in memory that says of them what a test wants. */
export class DedupeLibrary {
  readonly home: string;
  /** The library's folder. */
  readonly photos: string;
  readonly store = new MemoryStore();

  private constructor(home: string) {
    this.home = home;
    this.photos = join(home, 'photos');
  }

  static async make(): Promise<DedupeLibrary> {
    const library = new DedupeLibrary(await realpath(await mkdtemp(join(tmpdir(), 'curate-dedupe-'))));
    await mkdir(library.photos);
    await library.store.putLibrary({ id: 'lib', name: 'Photos', root: library.photos });
    return library;
  }

  remove(): Promise<void> {
    return rm(this.home, { recursive: true, force: true });
  }

  get settings(): Settings {
    return this.#session().settings;
  }

  /** Writes a file and indexes it as what is said of it. */
  async put(path: string, from: string | Buffer, known: Known = {}): Promise<string> {
    const file = join(this.photos, path);
    await mkdir(dirname(file), { recursive: true });
    if (typeof from === 'string') await copyFile(from, file);
    else await writeFile(file, from);
    await this.indexed(path, known);
    return file;
  }

  async indexed(path: string, { angle = 0, takenMs, takenFrom, camera, quality = 1 }: Known = {}): Promise<void> {
    const file = join(this.photos, path);
    const [bytes, { size, mtimeMs }] = await Promise.all([readFile(file), stat(file)]);
    const { autoOrient } = await sharp(bytes).metadata();
    const radians = (angle * Math.PI) / 180;
    await this.store.table(testModel).upsert([
      {
        id: photoId('lib', path),
        library: 'lib',
        path,
        sha256: createHash('sha256').update(bytes).digest('hex'),
        size,
        mtimeMs: Math.round(mtimeMs),
        facts: FACTS_VERSION,
        takenMs: takenMs ?? null,
        takenOffsetMinutes: null,
        takenFrom: takenMs === undefined ? null : (takenFrom ?? 'original'),
        camera: camera ?? null,
        width: autoOrient.width,
        height: autoOrient.height,
        quality,
        vector: unit([square(Math.cos(radians)), square(Math.sin(radians)), 0, 0]),
      },
    ]);
  }

  /** As a first run does: what others compared is forgotten. */
  async plan(request: Partial<DedupeRequest> = {}, render: RenderPhoto = renderPhoto): Promise<DedupePlan> {
    await rm(this.settings.paths.cache, { recursive: true, force: true });
    return this.planAgain(request, render);
  }

  planAgain(request: Partial<DedupeRequest> = {}, render: RenderPhoto = renderPhoto): Promise<DedupePlan> {
    return planDedupe(
      { session: this.#session(), render, signal: new AbortController().signal, onEvent: () => undefined },
      { folders: [], protect: [], prefer: [], kinds: KINDS, keep: [], ...request },
    );
  }

  #session() {
    return memorySession({ home: this.home, store: this.store, embedder: new HashEmbedder() });
  }
}
