import { messageOf } from '../errors.ts';
import type { World } from '../world.ts';
import { writeLine } from './terminal/streams.ts';

/** Milliseconds in which a launcher that fails has failed; one that works may last as long as its window. */
const VERDICT = 1500;

/** Opens a file in the program that the desktop has for it. Never fails the run: what went wrong is a notice. */
export async function openFile(world: World, file: string): Promise<void> {
  const trouble = hasDisplay(world) ? await launch(file) : 'there is no display';
  if (trouble !== null) writeLine(world.stderr, `Could not open ${file}: ${trouble}. Open it yourself.`);
}

function hasDisplay({ platform, env }: World): boolean {
  if (platform === 'darwin' || platform === 'win32') return true;
  // Under WSL, Windows opens it.
  return [env.DISPLAY, env.WAYLAND_DISPLAY, env.WSL_DISTRO_NAME].some((value) => value !== undefined && value !== '');
}

async function launch(file: string): Promise<string | null> {
  try {
    const { default: open } = await import('open');
    const launcher = await open(file);
    return await new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), VERDICT);
      const settle = (code: number | null): void => {
        clearTimeout(timer);
        resolve(code === 0 || code === null ? null : 'no program is set up for it here');
      };
      if (launcher.exitCode !== null) settle(launcher.exitCode);
      else launcher.once('exit', settle);
    });
  } catch (error) {
    return messageOf(error);
  }
}
