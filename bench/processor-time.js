import process from 'node:process';

/** What `work` gives, and the processor time of each of some turns of it, in milliseconds. */
export async function turnsOf(turns, work) {
  const times = [];
  let result;
  for (let turn = 0; turn < turns; turn++) {
    const before = process.cpuUsage();
    result = await work();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000);
  }
  return { result, times };
}
