// instances.mjs MODULE DIRECTORY: guests/emscripten/instance.c many times in one process, some in worker threads. Each has
// its own policy and descriptors, and they end in another order than they began, one of them with its thread.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker, isMainThread, workerData } from 'node:worker_threads';

/** Begins an instance under a policy. */
async function begin({ module, ports, policy }) {
  const { default: create } = await import(pathToFileURL(module).href);
  await create({ arguments: ['instance', ...ports], guestnet: { policy } });
}

/** A server that hands out its connections in the order in which they come. */
async function listen() {
  const waiting = [];
  const come = [];
  const server = net.createServer((socket) => {
    const wanted = waiting.shift();
    if (wanted) wanted(socket);
    else come.push(socket);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const next = () => (come.length ? Promise.resolve(come.shift()) : new Promise((resolve) => waiting.push(resolve)));
  return { server, next, port: server.address().port };
}

/** Sends an instance one letter, and gives its answer. */
function ask(socket, letter) {
  return new Promise((resolve, reject) => {
    let answer = '';
    const more = (data) => {
      answer += data;
      if (!answer.endsWith('\n')) return;
      socket.off('data', more);
      socket.off('close', reject);
      resolve(answer.trim());
    };
    socket.on('data', more);
    socket.once('close', reject);
    socket.write(letter);
  });
}

/** Resolves when the other end is closed, by whatever way. */
function ended(socket) {
  return new Promise((resolve) => {
    socket.resume();
    socket.on('error', () => {});
    socket.once('close', resolve);
  });
}

async function main() {
  const [module, directory] = process.argv.slice(2);
  const { server, next, port } = await listen();
  const { server: second, port: other } = await listen();
  const ports = [String(port), String(other)];
  const policies = [
    ['all', 'allow-net = true\n'],
    ['one', `[connect]\nallow = ["127.0.0.1:${port}"]\n`],
  ].map(([name, text]) => {
    const file = path.join(directory, `${name}.toml`);
    fs.writeFileSync(file, text);
    return file;
  });

  const sockets = [];
  const workers = [];
  for (let i = 0; i < 6; i++) {
    const one = { module, ports, policy: policies[i % 2] };
    if (i < 3) await begin(one);
    else workers.push(new Worker(fileURLToPath(import.meta.url), { workerData: one }));
    sockets.push(await next());
  }
  const askAll = async (what, letter) => {
    const answers = [];
    for (const socket of sockets) answers.push(socket ? await ask(socket, letter) : 'ended');
    console.log(`${what}: ${answers.join(' ')}`);
  };
  const end = async (index, how) => {
    const socket = sockets[index];
    sockets[index] = null;
    const closed = ended(socket);
    how(socket);
    await closed;
  };

  await askAll('connect', 'c');
  // Numbers are each instance's own, lowest first.
  await askAll('open', 'o');
  await askAll('open', 'o');
  await end(1, (socket) => socket.write('e'));
  await end(4, (socket) => socket.write('e'));
  await askAll('connect', 'c');
  // Nothing of it runs any more, and its descriptors are closed nevertheless.
  await end(3, () => workers[0].terminate());
  await askAll('open', 'o');
  await end(0, (socket) => socket.destroy());
  await askAll('connect', 'c');
  await end(2, (socket) => socket.write('e'));
  await end(5, (socket) => socket.write('e'));
  server.close();
  second.close();
  console.log('all have ended');
}

if (isMainThread) await main();
else await begin(workerData);
