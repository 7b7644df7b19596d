/** The package ships no types; this is the part curate uses. */
declare module 'fs-native-extensions' {
  /** Takes an exclusive advisory lock on the whole open file; false when another process has it. */
  export function tryLock(fd: number): boolean;
}
