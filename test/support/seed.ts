import fc from 'fast-check';

const { CURATE_TEST_SEED: seed = '1', CURATE_TEST_RUNS: runs } = process.env;

// One verdict for everyone who runs the same commit. `CURATE_TEST_SEED=random CURATE_TEST_RUNS=5000` looks further.
fc.configureGlobal({
  ...(seed === 'random' ? {} : { seed: Number(seed) }),
  ...(runs === undefined ? {} : { numRuns: Number(runs) }),
});
