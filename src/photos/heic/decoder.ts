import { readFileSync } from 'node:fs';
import { instantiate, type KernelMemory } from '../../wasm.ts';

/** The HEVC decoder of wasm/hevc/decoder.c. Addresses and lengths in bytes; 0 is an allocation that failed. */
export interface HevcDecoder extends KernelMemory {
  allocate(bytes: number): number;
  release(address: number): void;
  /** Less than 0 when it cannot be. */
  open(configuration: number, bytes: number, maxPixels: number): number;
  /** Less than 0 when the picture is damaged; else writes what is to be known of it to `facts`, 7 numbers of 4 bytes. */
  decode(picture: number, bytes: number, facts: number): number;
  reduce(
    shift: number,
    width: number,
    height: number,
    conversion: number,
    output: number,
    across: number,
    down: number,
  ): void;
}

let decoder: HevcDecoder | null = null;

/** One for one photo after the other. */
export function hevcDecoder(): HevcDecoder {
  decoder ??= instantiate<HevcDecoder>(
    readFileSync(new URL('../../../assets/hevc-decoder/hevc.wasm', import.meta.url)),
    SYSTEM,
  );
  return decoder;
}

/** After a crash, which leaves its memory in an unknown state, or a photo that made it large: memory never shrinks. */
export function dropHevcDecoder(): void {
  decoder = null;
}

const BAD_FILE = 8;
const fail = (): number => BAD_FILE;
/** The calls of WASI that its C library knows: none is made to decode a picture, and none gets anywhere. */
const SYSTEM = {
  wasi_snapshot_preview1: {
    ...Object.fromEntries(
      [
        ...[
          'environ_get',
          'environ_sizes_get',
          'clock_time_get',
          'path_open',
          'fd_close',
          'fd_read',
          'fd_write',
          'fd_seek',
        ],
        ...['fd_fdstat_get', 'fd_fdstat_set_flags', 'fd_prestat_get', 'fd_prestat_dir_name'],
      ].map((name) => [name, fail]),
    ),
    proc_exit: (): never => {
      throw new Error('the decoder gave up');
    },
  },
};
