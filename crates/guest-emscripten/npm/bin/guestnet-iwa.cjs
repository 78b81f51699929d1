#!/usr/bin/env node
// Makes an Isolated Web App for a program that was linked with `guestnet-emcc --web`, and serves it to a developer's Chrome:
//     guestnet-iwa init DIR [--name NAME]
//     guestnet-iwa serve DIR [--port N]
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const USAGE = 'guestnet-iwa init DIR [--name NAME], or guestnet-iwa serve DIR [--port N]';

/** Of the package: what a new app is made from, and what its program loads. */
const TEMPLATE = path.join(path.dirname(__dirname), 'iwa');
const WEB = path.join(path.dirname(__dirname), 'web');

/** The manifest in an app. */
const MANIFEST = '.well-known/manifest.webmanifest';

/** What an app may do: shared memory for pthreads, sockets, groups, and addresses of this machine and of the local network. */
const PERMISSIONS = ['cross-origin-isolated', 'direct-sockets', 'direct-sockets-multicast', 'loopback-network', 'local-network'];

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};

/** Ends the program with one sentence: status 2 for wrong usage, 1 for all else. */
function fail(sentence, status = 1) {
  process.stderr.write(`guestnet-iwa: ${sentence}\n`);
  process.exit(status);
}

/** The directory and the value of the one option that a command takes. */
function parse(words, option) {
  let directory;
  let value;
  for (let index = 0; index < words.length; index++) {
    const word = words[index];
    if (word === option) {
      value = words[++index];
      if (value === undefined) fail(`${option} needs a value`, 2);
    } else if (word.startsWith('-')) {
      fail(`${word} is not an option; there is: ${USAGE}`, 2);
    } else if (directory !== undefined) {
      fail(`${word} is one word too many; there is: ${USAGE}`, 2);
    } else {
      directory = word;
    }
  }
  if (!directory) fail(`a directory is missing; there is: ${USAGE}`, 2);
  return { directory, value };
}

function manifest(name) {
  return {
    name,
    short_name: name,
    version: '1.0.0',
    id: '/',
    start_url: '/',
    scope: '/',
    display: 'standalone',
    // Without an icon of this size an app is not installed.
    icons: [{ src: '/icon.png', sizes: '512x512', type: 'image/png', purpose: 'any' }],
    permissions_policy: Object.fromEntries(PERMISSIONS.map((permission) => [permission, ['self']])),
  };
}

/**
 * Makes a directory and those above it that are not there. Each by itself: where none can be made, as in procfs, Node's `recursive` makes the
 * one above for ever.
 */
function makeDirectory(directory) {
  if (fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return;
  makeDirectory(path.dirname(directory));
  fs.mkdirSync(directory);
}

/** Makes an app. Nothing is written where one of its files is already there. */
function init(words) {
  const { directory, value } = parse(words, '--name');
  const name = value ?? path.basename(path.resolve(directory));
  if (!name.trim()) fail('an app needs a name: --name NAME', 2);
  if (!fs.existsSync(path.join(WEB, 'guestnet.wasm'))) {
    fail(`${path.join(WEB, 'guestnet.wasm')} is not there; in a checkout, cargo xtask package makes the whole package`);
  }
  const files = new Map([[MANIFEST, `${JSON.stringify(manifest(name), null, 2)}\n`]]);
  for (const file of fs.readdirSync(TEMPLATE)) files.set(file, fs.readFileSync(path.join(TEMPLATE, file)));
  for (const file of fs.readdirSync(WEB)) files.set(`guestnet/${file}`, fs.readFileSync(path.join(WEB, file)));
  const inDirectory = (work) => {
    try {
      return work();
    } catch (error) {
      return fail(`${directory} takes no app (${error.code}): one needs an ordinary directory that can be written`);
    }
  };
  // A link that leads nowhere is there as well.
  const isThere = (file) => fs.lstatSync(path.join(directory, file), { throwIfNoEntry: false });
  const there = inDirectory(() => [...files.keys()].find(isThere));
  if (there) fail(`${path.join(directory, there)} is there already, and nothing is overwritten`);
  for (const [file, content] of files) {
    const to = path.join(directory, file);
    inDirectory(() => makeDirectory(path.dirname(to)));
    fs.writeFileSync(to, content, { flag: 'wx' });
  }
  process.stdout.write(
    `${directory} has an app. Put your program into it, and serve it:\n` +
      `  emcc app.c $(npx guestnet-emcc --web --jspi) -sJSPI -o ${path.join(directory, 'app.js')}\n` +
      `  npx guestnet-iwa serve ${directory}\n`,
  );
}

/** The file below `root` that a request is for, or undefined. A link that leads out of it is not followed. */
function fileFor(root, target) {
  try {
    const name = decodeURIComponent(target.split(/[?#]/, 1)[0]);
    if (!name.startsWith('/') || name.split(/[/\\]/).includes('..')) return undefined;
    const file = fs.realpathSync(path.join(root, name.endsWith('/') ? `${name}index.html` : name));
    const isInside = file.startsWith(root.endsWith(path.sep) ? root : root + path.sep);
    return isInside && fs.statSync(file).isFile() ? file : undefined;
  } catch {
    // Not there, not readable, or no name of a file at all.
    return undefined;
  }
}

/** Answers one request. */
function answer(root, port, request, response) {
  const send = (status, type, body) => {
    response.writeHead(status, {
      'Content-Type': type,
      'Content-Length': body.length,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      // Both make a page cross-origin isolated, without which it has no shared memory.
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
      'Cross-Origin-Resource-Policy': 'same-origin',
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  const refuse = (status, text) => send(status, TYPES['.txt'], Buffer.from(`${text}\n`));
  // A page elsewhere whose name leads to this machine is not to read the app.
  if (![`127.0.0.1:${port}`, `localhost:${port}`].includes(request.headers.host)) return refuse(403, 'no such host');
  if (!['GET', 'HEAD'].includes(request.method)) return refuse(405, 'GET and HEAD only');
  const file = fileFor(root, request.url);
  if (!file) return refuse(404, 'not there');
  fs.readFile(file, (error, body) => {
    if (error) refuse(404, 'not there');
    else send(200, TYPES[path.extname(file).toLowerCase()] ?? 'application/octet-stream', body);
  });
}

/** Serves an app on this machine until the process is ended. */
function serve(words) {
  const { directory, value = '0' } = parse(words, '--port');
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65535) fail(`--port takes a number up to 65535, and not ${value}`, 2);
  if (!fs.existsSync(path.join(directory, MANIFEST))) {
    fail(`${path.join(directory, MANIFEST)} is not there: guestnet-iwa init ${directory} makes an app`);
  }
  const root = fs.realpathSync(directory);
  const server = http.createServer((request, response) => answer(root, server.address().port, request, response));
  server.on('error', (error) => fail(`port ${value} of 127.0.0.1: ${error.code ?? error.message}`));
  server.listen(Number(value), '127.0.0.1', () => {
    process.stdout.write(
      `http://127.0.0.1:${server.address().port}\n\n` +
        'is where the app is served, until Ctrl-C. To install it in your Chrome:\n' +
        '  1. Open chrome://flags/#enable-isolated-web-apps and enable it.\n' +
        '  2. Open chrome://flags/#enable-isolated-web-app-dev-mode, enable it, and relaunch Chrome.\n' +
        '  3. Open chrome://iwa-dev and press "Install"; older versions have this in chrome://web-app-internals.\n' +
        '  4. Put the address above into "Dev Mode Proxy URL" ("Install IWA via Dev Mode Proxy"), and press "Install".\n' +
        '  5. Open chrome://apps and start the app. It is loaded from here each time: a reload shows what has changed.\n',
    );
  });
}

const [command, ...rest] = process.argv.slice(2);
try {
  if (command === 'init') init(rest);
  else if (command === 'serve') serve(rest);
  else fail(`${command ?? 'a command'} is ${command === undefined ? 'missing' : 'no command'}; there is: ${USAGE}`, 2);
} catch (error) {
  fail(error.message);
}
