// run.mjs MODULE [ARGUMENT]...: runs a program that emcc has linked as an ES module. TEST_MODULE is an expression: the
// object `Module`, less the arguments.
import process from 'node:process';
import { pathToFileURL } from 'node:url';

const [module, ...args] = process.argv.slice(2);
const { default: create } = await import(pathToFileURL(module).href);
const options = process.env.TEST_MODULE === undefined ? {} : (0, eval)(`(${process.env.TEST_MODULE})`);
options.arguments = args;
await create(options);
