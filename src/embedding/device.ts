/** Where inference runs; `auto` takes what the machine has. */
export const DEVICES = ['cpu', 'auto', 'coreml', 'dml', 'cuda'] as const;
export type Device = (typeof DEVICES)[number];
type Accelerator = Exclude<Device, 'cpu' | 'auto'>;

/** Below this cosine to the processor's features an accelerator computes another vector, not the model's. */
export const SAME_VECTOR = 0.9999;

/** Which of ONNX Runtime's execution providers to try for a device, besides the processor. */
export function accelerators(device: Device, platform: NodeJS.Platform): Accelerator[] {
  if (device === 'cpu') return [];
  if (device !== 'auto') return [device];
  if (platform === 'darwin') return ['coreml'];
  return platform === 'win32' ? ['dml'] : ['cuda'];
}

/** A fixed input with every level in it, to compare what two devices make of it: [3, size, size]. */
export function probe(size: number): Float32Array {
  return Float32Array.from({ length: 3 * size * size }, (_, i) => ((i * 37) % 255) - 127 + 60 * Math.sin(i / 50));
}
