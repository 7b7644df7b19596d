// TypeScript knows WebAssembly from the browser's library only, which this program does not have.
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: Imports) => { readonly exports: unknown };
};

const PAGE_BYTES = 65_536;

/** What every kernel in wasm/ exports beside its functions. */
export interface KernelMemory {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
}

/** By module and name, the functions that a kernel calls. */
type Imports = Readonly<Record<string, Readonly<Record<string, (...numbers: number[]) => number>>>>;

/** A kernel of its own, with its own memory, from its bytes, or from the base64 that wasm/build.mjs wrote. */
export function instantiate<Kernel extends KernelMemory>(code: Uint8Array | string, imports: Imports = {}): Kernel {
  const bytes = typeof code === 'string' ? Buffer.from(code, 'base64') : code;
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports as Kernel;
}

/** Kernels read and write a few bytes past the end of what they are given. */
const MARGIN = 64;

/** Divides a kernel's memory for one call; what it holds is only good until the next. */
export class Arena {
  #end = MARGIN;

  /** Room for so many bytes; its address. */
  reserve(bytes: number): number {
    const at = this.#end;
    this.#end = Math.ceil((at + bytes + MARGIN) / MARGIN) * MARGIN;
    return at;
  }

  /** Makes the memory as large as what was reserved, and gives a view of it. It never shrinks. */
  open({ memory }: KernelMemory): Uint8Array {
    const missing = this.#end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
    return new Uint8Array(memory.buffer);
  }
}
