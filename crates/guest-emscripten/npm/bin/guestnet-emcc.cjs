#!/usr/bin/env node
// Prints what emcc needs: emcc app.c $(guestnet-emcc) -o app.js
'use strict';
const path = require('node:path');
const library = path.join(path.dirname(__dirname), 'libguestnet.js');
if (/\s/.test(library)) {
  process.stderr.write(`guestnet-emcc: ${library} has a space in it, and a shell would take it apart\n`);
  process.exit(1);
}
process.stdout.write(`--js-library ${library}\n`);
