// JPEG to RGB at an eighth, a quarter or half of its size: see src/photos/jpeg/reduced.ts, which calls this.
// AssemblyScript; `npm ci && npm run build` in this folder writes src/photos/jpeg/kernel.ts.

export { baseline } from './jpeg/baseline';
export { toRgb, turn } from './jpeg/pixels';
export { drawBlocks, progressive } from './jpeg/progressive';
