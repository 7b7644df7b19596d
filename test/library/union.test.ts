import { mkdtemp, realpath, rename, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { countStrays, findStrays } from '../../src/library/orphans.ts';
import type { PhotoRow } from '../../src/store/port.ts';
import { QUICK, TestMachine } from '../support/machines.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { Mortality } from '../support/mortality.ts';

/** Of a photo: a machine's own folder, or the folder that both see, each at another path. */
type Place = 'a' | 'b' | 'nas';
interface Kill {
  readonly calls: number;
  readonly applied: boolean;
}

/** What ought to be found: contents by path, by place. */
type Model = Record<Place, Map<string, string>>;

class Two {
  readonly store = new MemoryStore('server');
  readonly disk: string;
  readonly mortality = { a: new Mortality(), b: new Mortality() };
  machines: Record<'a' | 'b', TestMachine>;
  #clock = 1_600_000_000;
  readonly #own = { a: '', b: '' };

  constructor(disk: string) {
    this.disk = disk;
    this.machines = { a: this.#boot('a'), b: this.#boot('b') };
  }

  #boot(name: 'a' | 'b'): TestMachine {
    return new TestMachine(name, this.disk, this.mortality[name].of(this.store), { pace: QUICK });
  }

  folders(place: Place): [TestMachine, string][] {
    const { a, b } = this.machines;
    if (place === 'nas')
      return [
        [a, 'mnt/nas'],
        [b, 'Volumes/Bilder'],
      ];
    return [[this.machines[place], 'Pictures']];
  }

  async put(place: Place, name: string, content: string): Promise<void> {
    this.#clock += 1;
    for (const [machine, folder] of this.folders(place)) {
      await machine.put(`${folder}/${name}`, content);
      await utimes(machine.at(`${folder}/${name}`), this.#clock, this.#clock);
    }
  }

  async delete(place: Place, name: string): Promise<void> {
    for (const [machine, folder] of this.folders(place)) await machine.delete(`${folder}/${name}`);
  }

  async move(place: Place, from: string, to: string): Promise<void> {
    for (const [machine, folder] of this.folders(place)) {
      await rename(machine.at(`${folder}/${from}`), machine.at(`${folder}/${to}`));
    }
  }

  /** Rows of a machine's own folder. */
  rowsOf(name: 'a' | 'b'): PhotoRow[] {
    const rows = this.store.tables().flatMap((table) => [...table.stored.values()]);
    return rows.filter(({ library }) => library === this.#own[name]);
  }

  /** What a search finds: files of this machine, or else the path in the library; and how large each is. */
  async seenBy(name: 'a' | 'b'): Promise<string[]> {
    const found = await this.machines[name].find();
    return found.map(({ mounted, file, path, size }) => `${mounted ? file : `(elsewhere)/${path}`} ${size}`).sort();
  }

  async join(): Promise<void> {
    for (const place of ['a', 'b'] as const) {
      const { [place]: machine } = this.machines;
      await machine.indexFolder(['Pictures']);
      const [own] = (await machine.machine.roots()).keys();
      this.#own[place] = own ?? '';
      await machine.indexFolder([place === 'a' ? 'mnt/nas' : 'Volumes/Bilder'], 'family');
    }
  }

  /** Everything of one machine, which may be killed meanwhile and is started again. */
  async index(name: 'a' | 'b', kill: Kill | null): Promise<boolean> {
    if (kill !== null) this.mortality[name].dieAfter(kill.calls, kill.applied);
    try {
      await this.machines[name].indexFolder([], undefined, { confirmPrune: async () => true });
      return true;
    } catch (error) {
      // A machine that is so busy that it stands still for a quarter of a second is taken for dead by the other.
      const expected = error instanceof UserError ? error.code === 'library_taken' : kill !== null;
      if (!expected) throw error;
      return false;
    } finally {
      this.mortality[name].revive();
      this.machines = { ...this.machines, [name]: this.#boot(name) };
    }
  }
}

const names = ['1.jpg', '2.jpg', 'trip/1.jpg'];
const place = fc.constantFrom<Place>('a', 'b', 'nas');
const name = fc.constantFrom(...names);
const who = fc.constantFrom<'a' | 'b'>('a', 'b');
const kill = fc.option(fc.record({ calls: fc.nat({ max: 40 }), applied: fc.boolean() }), { nil: null, freq: 2 });

type Command = fc.AsyncCommand<Model, Two>;
function command(
  label: string,
  check: (model: Model) => boolean,
  run: (model: Model, two: Two) => Promise<unknown>,
): Command {
  return { check, run: async (model, two) => void (await run(model, two)), toString: () => label };
}

const commands = [
  // Few contents, so that copies and moves between places are common.
  fc.tuple(place, name, fc.nat({ max: 2 })).map(([at, path, n]) =>
    command(
      `put ${n} at ${at}:${path}`,
      () => true,
      async (model, two) => {
        model[at].set(path, 'x'.repeat(n + 1));
        await two.put(at, path, 'x'.repeat(n + 1));
      },
    ),
  ),
  fc.tuple(place, name).map(([at, path]) =>
    command(
      `delete ${at}:${path}`,
      (model) => model[at].has(path),
      async (model, two) => {
        model[at].delete(path);
        await two.delete(at, path);
      },
    ),
  ),
  fc.tuple(place, fc.constantFrom('1.jpg', '2.jpg'), fc.constantFrom('3.jpg', '4.jpg')).map(([at, from, to]) =>
    command(
      `move ${at}:${from} to ${to}`,
      (model) => model[at].has(from),
      async (model, two) => {
        model[at].set(to, model[at].get(from) ?? '');
        model[at].delete(from);
        await two.move(at, from, to);
      },
    ),
  ),
  fc.tuple(who, kill).map(([machine, end]) =>
    command(
      `${machine} indexes${end === null ? '' : `, killed after ${end.calls}`}`,
      () => true,
      async (model, two) => {
        const before = two.rowsOf(machine === 'a' ? 'b' : 'a');
        const isWhole = await two.index(machine, end);
        // What only the other one has is none of its business.
        expect(two.rowsOf(machine === 'a' ? 'b' : 'a')).toEqual(before);
        if (isWhole)
          expect(await two.seenBy(machine)).toEqual(expect.arrayContaining(expectedBy(machine, model, two, false)));
      },
    ),
  ),
  fc.tuple(kill, kill).map(([first, second]) =>
    command(
      `both index (${first?.calls}, ${second?.calls})`,
      () => true,
      (_, two) => Promise.all([two.index('a', first), two.index('b', second)]),
    ),
  ),
];

it('two machines that edit, index, and are killed at any moment both see the union in the end, each photo once', {
  timeout: 60_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 14 }), async (some) => {
      const disk = await realpath(await mkdtemp(join(tmpdir(), 'curate-union-')));
      try {
        const two = new Two(disk);
        const model: Model = { a: new Map(), b: new Map(), nas: new Map() };
        for (const [at, path] of [
          ['a', '1.jpg'],
          ['b', '1.jpg'],
          ['nas', '1.jpg'],
          ['nas', '2.jpg'],
        ] as const) {
          model[at].set(path, `${at}${path}`);
          await two.put(at, path, `${at}${path}`);
        }
        await two.join();
        await fc.asyncModelRun(() => ({ model, real: two }), some);
        for (const machine of ['a', 'b', 'a', 'b'] as const) while (!(await two.index(machine, null)));
        await bothSeeTheUnion(two, model);
      } finally {
        await rm(disk, { recursive: true, force: true });
      }
    }),
    { numRuns: 12 },
  );
});

async function bothSeeTheUnion(two: Two, model: Model): Promise<void> {
  for (const seer of ['a', 'b'] as const) expect(await two.seenBy(seer)).toEqual(expectedBy(seer, model, two));
  expect((await two.store.libraries()).filter(({ lease }) => lease !== undefined)).toEqual([]);
  expect(countStrays(await findStrays(two.store))).toEqual({ orphans: 0, doubled: 0 });
}

/** @param all also what is on the other machine */
function expectedBy(seer: 'a' | 'b', model: Model, two: Two, all = true): string[] {
  const places = (['a', 'b', 'nas'] as const).filter((at) => all || at === seer || at === 'nas');
  const expected = places.flatMap((at) => {
    const mine = two.folders(at).find(([machine]) => machine === two.machines[seer]);
    const root = mine === undefined ? '(elsewhere)' : two.machines[seer].at(mine[1]);
    return [...model[at]].map(([path, content]) => `${root}/${path} ${content.length}`);
  });
  return expected.sort();
}
