/** What is used of the module inside libraw-wasm that its browser worker runs: LibRaw by way of Emscripten's embind. */
declare module 'libraw-wasm/dist/libraw.js' {
  export interface RawMetadata {
    /** Of the sensor's picture: bit 0 mirrors it across, bit 1 down, bit 2 transposes. */
    readonly flip: number;
    /** Of the largest preview; 0 when there is none. */
    readonly thumb_width: number;
    readonly thumb_height: number;
  }

  /** One file's state in WebAssembly memory. */
  export interface LibRaw {
    /** Throws a C++ exception, an object with `excPtr`, when LibRaw refuses the file. */
    open(bytes: Uint8Array, settings: object): void;
    metadata(): RawMetadata;
    /** Gives the memory back. */
    delete(): void;
  }

  export interface LibRawModule {
    readonly LibRaw: new () => LibRaw;
  }

  const create: (options: {
    readonly wasmBinary: Uint8Array;
    readonly print: (line: string) => void;
    readonly printErr: (line: string) => void;
  }) => Promise<LibRawModule>;

  // biome-ignore lint/style/noDefaultExport: it is what the package exports.
  export { create as default };
}
