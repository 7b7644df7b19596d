import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { coresByQuota } from '../src/cores.ts';
import { realWorld } from '../src/world.ts';

const V2 = '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate';
const V1 = [
  '29 25 0:26 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd',
  '31 25 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset',
  '32 25 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
].join('\n');

/** What /proc says, and the files under /sys/fs/cgroup. */
function cores(mountinfo: string, cgroup: string, files: Readonly<Record<string, string>>): number {
  const all = new Map(Object.entries(files).map(([name, text]) => [`/sys/fs/cgroup/${name}`, `${text}\n`]));
  all
    .set('/proc/self/mountinfo', `22 28 0:21 / /proc rw - proc proc rw\n${mountinfo}\n`)
    .set('/proc/self/cgroup', cgroup);
  return coresByQuota((file) => all.get(file) ?? null);
}

describe('the processors that a control group allows', () => {
  it('are without a limit where there is none, or no control group', () => {
    expect(cores(V2, '0::/\n', {})).toBe(Infinity);
    expect(cores(V2, '0::/user.slice\n', { 'user.slice/cpu.max': 'max 100000' })).toBe(Infinity);
    expect(
      cores(V1, '5:cpu,cpuacct:/\n', {
        'cpu,cpuacct/cpu.cfs_quota_us': '-1',
        'cpu,cpuacct/cpu.cfs_period_us': '100000',
      }),
    ).toBe(Infinity);
    expect(coresByQuota(() => null)).toBe(Infinity);
    expect(coresByQuota(() => 'nonsense : - \n::\n')).toBe(Infinity);
  });

  it('are the least that the group and those around it allow', () => {
    const files = {
      'a.slice/cpu.max': '300000 100000',
      'a.slice/b.service/cpu.max': 'max 100000',
      'a.slice/b.service/c/cpu.max': '800000 100000',
    };
    expect(cores(V2, '0::/a.slice/b.service/c\n', files)).toBe(3);
    expect(cores(V2, '0::/a.slice/b.service/c\n', { ...files, 'a.slice/b.service/cpu.max': '100000 50000' })).toBe(2);
    expect(cores(V2, '0::/a.slice2/b.service\n', files)).toBe(Infinity);
  });

  it('are whole ones, and at least one', () => {
    expect(cores(V2, '0::/a\n', { 'a/cpu.max': '250000 100000' })).toBe(2);
    expect(cores(V2, '0::/a\n', { 'a/cpu.max': '20000 100000' })).toBe(1);
  });

  it('are found in a container, whose group is the root of what it sees or of what is mounted', () => {
    expect(cores(V2, '0::/\n', { 'cpu.max': '400000 100000' })).toBe(4);
    const mounted = V1.replace('0:29 / ', '0:29 /docker/0123 ');
    const files = { 'cpu,cpuacct/cpu.cfs_quota_us': '150000', 'cpu,cpuacct/cpu.cfs_period_us': '50000' };
    expect(cores(mounted, '4:cpuset:/docker/0123\n3:cpu,cpuacct:/docker/0123\n', files)).toBe(3);
    expect(cores(mounted, '3:cpu,cpuacct:/elsewhere\n', files)).toBe(3);
    expect(cores(V2, '0::/../other\n', { 'cpu.max': '400000 100000' })).toBe(4);
  });

  it('are found with the old and the new control groups side by side, and wherever they are mounted', () => {
    const both = `${V1}\n33 25 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw`;
    const files = { 'cpu,cpuacct/me/cpu.cfs_quota_us': '200000', 'cpu,cpuacct/me/cpu.cfs_period_us': '100000' };
    expect(cores(both, '3:cpu,cpuacct:/me\n1:name=systemd:/me\n0::/me\n', files)).toBe(2);
    expect(
      cores(V2.replace('/sys/fs/cgroup ', '/sys/fs/cgroup/of\\040its\\040own '), '0::/a\n', {
        'of its own/a/cpu.max': '100000 100000',
      }),
    ).toBe(1);
  });

  it('bound the ones that curate uses', () => {
    expect(realWorld().cores).toBe(Math.min(availableParallelism(), coresByQuota()));
  });
});
