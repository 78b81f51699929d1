// run.mjs MODULE [ARGUMENT]...: runs a program that emcc has linked as an ES module.
import process from 'node:process';
import { pathToFileURL } from 'node:url';

const [module, ...args] = process.argv.slice(2);
const { default: create } = await import(pathToFileURL(module).href);
await create({ arguments: args });
