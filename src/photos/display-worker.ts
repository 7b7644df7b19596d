import process from 'node:process';
import { messageOf } from '../errors.ts';
import type { FromDisplay, ToDisplay } from './display.ts';
import { faulty } from './fault.ts';
import { renderPhoto } from './render.ts';
import { loadSharp } from './sharp.ts';

// A process of its own, so that a photo that hangs or crashes a decoder can be given up. It ends with its channel;
// Ctrl-C, which the terminal sends to every process, is the parent's to decide on.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());

process.on('message', (request: ToDisplay) => {
  renderPhoto(request).then(
    (result) => send({ kind: 'rendered', result }),
    (error) =>
      send({ kind: 'rendered', result: faulty('decoder_crashed', `crashed the decoder (${messageOf(error)})`) }),
  );
});

loadSharp().then(
  () => send({ kind: 'ready' }),
  (error) => send({ kind: 'broken', message: messageOf(error) }),
);

function send(message: FromDisplay): void {
  if (process.connected) process.send?.(message);
}
