import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take longest, mostly waiting for servers and processes that they start. */
const SLOW =
  /test\/(store\/(milvus-server|lite)|faults\/|e2e\/|library\/(large|words\/photos|watch)|picture\/comic|embedding\/embedder)/;

/** Slow files begin first, so that none is left over when all else is done: a fresh checkout knows no durations yet. */
class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isSlow = ({ moduleId }: TestSpecification): boolean => SLOW.test(moduleId);
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))];
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/seed.ts'],
    // End-to-end tests start real servers and embed real photos; two cores are all there is.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    // One more than there are cores, since a good part of them waits.
    maxWorkers: 3,
    // Loading the modules anew for each file would take half a second of processor time, a tenth of all.
    isolate: false,
    sequence: { sequencer: SlowFirst },
    // ONNX Runtime keeps a device id for its maker otherwise; curate's own workers set this themselves.
    env: { ORT_DISABLE_TELEMETRY: '1' },
  },
});
