#!/usr/bin/env node
// Prints what emcc needs: emcc app.c $(guestnet-emcc) -o app.js
// With --cflags, what compiling without linking needs: emcc $(guestnet-emcc --cflags) -c app.c
// With --jspi, for links with -sJSPI, blocking calls suspend the program and JavaScript runs on meanwhile.
// With --web, the output is for an Isolated Web App.
'use strict';
const fs = require('node:fs');
const path = require('node:path');

const directory = path.dirname(__dirname);
const rest = process.argv.slice(2).filter((argument) => !['--jspi', '--web', '--cflags'].includes(argument));
if (rest.length > 0) {
  process.stderr.write(`guestnet-emcc: ${rest[0]} is not an option; there are --jspi, --web and --cflags\n`);
  process.exit(2);
}
if (/\s/.test(directory)) {
  process.stderr.write(`guestnet-emcc: ${directory} has a space in it, and a shell would take it apart\n`);
  process.exit(1);
}
// One word each: CMake's target_link_options drops a word that comes twice. emcc's preprocessor includes the parts of
// libguestnet.js from library/.
const headers = `-isystem${path.join(directory, 'include')}`;
if (process.argv.includes('--cflags')) {
  process.stdout.write(`${headers}\n`);
  process.exit(0);
}
const words = [headers, `--js-library=${path.join(directory, 'libguestnet.js')}`];
const objects = ['guestnet.o', 'interface.o', 'linux.o', 'names.o'];
if (process.argv.includes('--jspi')) {
  words.push(`--js-library=${path.join(directory, 'jspi', 'libguestnet-jspi.js')}`);
  objects.push('guestnet-jspi.o');
  if (process.argv.includes('--web')) objects.push('guestnet-jspi-web.o');
}
if (process.argv.includes('--web')) {
  // Without EXIT_RUNTIME a page is never told that the program has ended. An app may make a worker of a script only by a policy.
  words.push('-sENVIRONMENT=web,worker', '-sEXIT_RUNTIME=1', '-sTRUSTED_TYPES=1');
}
for (const object of objects.map((name) => path.join(directory, 'lib', name))) {
  if (!fs.existsSync(object)) {
    process.stderr.write(`guestnet-emcc: ${object} is not there; in a checkout, cargo xtask package makes the whole package\n`);
    process.exit(1);
  }
  words.push(object);
}
process.stdout.write(`${words.join(' ')}\n`);
