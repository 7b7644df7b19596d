import process from 'node:process';
import { openEmbedder } from '../dist/embedding/embedder.js';
import { cpuMilliseconds, proportionalMegabytes } from './processes.js';

/** The embedder by itself: no walk, no store. Photos per second, CPU and memory of all its processes, milliseconds of each stage. */
export async function embedderAlone(files, world, model, cacheDir) {
  const pids = [];
  const stages = {};
  let photos = 0;
  const embedder = await openEmbedder(
    {
      ...world,
      spawn: (...args) => {
        const child = world.spawn(...args);
        pids.push(child.pid);
        return child;
      },
    },
    model,
    {
      cacheDir,
      onTimings: (timings) => {
        photos += 1;
        for (const [stage, ms] of Object.entries(timings)) stages[stage] = (stages[stage] ?? 0) + ms;
      },
    },
  );
  const embedAll = async (all) => {
    let next = 0;
    const lane = async () => {
      for (let file = all[next++]; file !== undefined; file = all[next++]) {
        const result = await embedder.embed({ file });
        if (result.kind !== 'embedded') throw new Error(`${file}: ${JSON.stringify(result)}`);
      }
    };
    await Promise.all(Array.from({ length: embedder.capacity }, lane));
  };
  // The workers' start, a second once, is not the pipeline's speed.
  await embedAll(files.slice(0, embedder.capacity));
  for (const stage of Object.keys(stages)) stages[stage] = 0;
  photos = 0;
  let peakMegabytes = 0;
  const sampling = setInterval(() => {
    peakMegabytes = Math.max(peakMegabytes, proportionalMegabytes([process.pid, ...pids]));
  }, 250);
  const processes = [process.pid, ...pids];
  const before = cpuMilliseconds(processes);
  const started = performance.now();
  await embedAll(files);
  const seconds = (performance.now() - started) / 1000;
  const cpuMs = cpuMilliseconds(processes) - before;
  clearInterval(sampling);
  await embedder.close();
  for (const stage of Object.keys(stages)) stages[stage] /= photos;
  return {
    photosPerSecond: files.length / seconds,
    cpuPercent: cpuMs / 10 / seconds,
    cpuMsPerPhoto: cpuMs / files.length,
    peakMegabytes,
    stages,
  };
}
