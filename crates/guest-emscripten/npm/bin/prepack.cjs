// What `npm pack` and `npm publish` run first: a package without the addon would install, and no program could use it.
'use strict';
const fs = require('node:fs');
const path = require('node:path');

const addon = path.join(path.dirname(__dirname), 'guestnet.node');
if (!fs.existsSync(addon)) {
  process.stderr.write(`guestnet: ${addon} is not there; in a checkout, cargo xtask package makes the whole package\n`);
  process.exit(1);
}
