import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/seed.ts'],
    // End-to-end tests start real servers and embed real photos; two cores are all there is.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
    // ONNX Runtime keeps a device id for its maker otherwise; curate's own workers set this themselves.
    env: { ORT_DISABLE_TELEMETRY: '1' },
  },
});
