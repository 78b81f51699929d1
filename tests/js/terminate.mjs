// terminate.mjs MODULE: guests/emscripten/blocked.c in a worker thread, which is terminated while it waits in a call.
import net from 'node:net';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker, isMainThread, workerData } from 'node:worker_threads';

if (isMainThread) {
  const server = net.createServer();
  const connected = new Promise((resolve) => server.once('connection', resolve));
  server.listen(0, '127.0.0.1', async () => {
    const data = { module: process.argv[2], port: String(server.address().port) };
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: data });
    const socket = await connected;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    socket.once('data', async (text) => {
      console.log(`it says: ${text}`);
      await worker.terminate();
      console.log('it is terminated');
      await closed;
      console.log('its descriptors are closed');
      server.close();
    });
  });
} else {
  const { default: create } = await import(pathToFileURL(workerData.module).href);
  await create({ arguments: ['blocked', workerData.port] });
}
