import { access } from 'node:fs/promises';

/** Whether a file or folder is there now, rather than on a drive that is away. Links are followed. */
export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
