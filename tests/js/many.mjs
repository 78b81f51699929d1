// many.mjs MODULE: one instance after the other in one process. One that has ended holds no descriptor.
import fs from 'node:fs';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

const { default: create } = await import(pathToFileURL(process.argv[2]).href);
const open = () => fs.readdirSync('/proc/self/fd').length;
const turn = () => new Promise((resolve) => setTimeout(resolve));

async function run(times) {
  // Leaves everything open.
  for (let i = 0; i < times; i++) await create({ arguments: ['instance_leaves'] });
}

await run(10);
const before = open();
await run(30);
// A thread of a look-up may still be ending, and an engine opens some of its own now and then; one descriptor an instance
// would be 30.
const end = Date.now() + 10_000;
while (open() >= before + 30 && Date.now() < end) await turn();
const left = open() - before;
console.log(left < 30 ? 'none is left' : `${left} are left`);
