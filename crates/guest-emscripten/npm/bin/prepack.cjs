// What `npm pack` and `npm publish` run first: a package without the addon or the objects would install, and no program could
// use it.
'use strict';
const fs = require('node:fs');
const path = require('node:path');

const made = ['guestnet.node', 'lib/guestnet.o'].map((name) => path.join(path.dirname(__dirname), name));
const missing = made.find((file) => !fs.existsSync(file));
if (missing) {
  process.stderr.write(`guestnet: ${missing} is not there; in a checkout, cargo xtask package makes the whole package\n`);
  process.exit(1);
}
