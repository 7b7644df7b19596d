import { expect, it } from 'vitest';
import { JointReads } from '../../src/store/milvus/joint-reads.ts';

it('reads go together while another is under way, each id once, and each gets its rows', async () => {
  const calls: (readonly string[])[] = [];
  const reads = new JointReads<string>(async (ids) => {
    calls.push(ids);
    await new Promise((resolve) => setTimeout(resolve, 1));
    return ids.map((id) => `row ${id}`);
  });
  const all = await Promise.all([reads.read(['a', 'b']), reads.read(['b', 'c']), reads.read(['c', 'd'])]);
  expect(calls).toEqual([
    ['a', 'b'],
    ['b', 'c', 'd'],
  ]);
  expect(all[0]).toEqual(['row a', 'row b']);
  expect(all[1]).toEqual(expect.arrayContaining(['row b', 'row c']));
  expect(all[2]).toEqual(expect.arrayContaining(['row c', 'row d']));
  expect(await reads.read(['e'])).toEqual(['row e']);
});

it('a read that fails fails all that went with it, and none that comes after', async () => {
  let isBroken = true;
  const reads = new JointReads<string>(async (ids) => {
    if (isBroken) throw new Error('the store is away');
    return [...ids];
  });
  const failed = await Promise.allSettled([reads.read(['a']), reads.read(['b']), reads.read(['c'])]);
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  isBroken = false;
  expect(await reads.read(['a'])).toEqual(['a']);
});
