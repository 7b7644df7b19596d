import { readdirSync, readFileSync } from 'node:fs';

/** Processes of the embedded server whose command line names `folder`. */
export function serverPids(folder: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      return command.includes('lite_server') && command.includes(folder) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}
