// run.mjs MODULE [ARGUMENT]...: runs a program that emcc has linked as an ES module. TEST_PAGE is an expression: what the page
// gives to the program beside its arguments.
import process from 'node:process';
import { pathToFileURL } from 'node:url';

const [module, ...args] = process.argv.slice(2);
const { default: create } = await import(pathToFileURL(module).href);
const page = process.env.TEST_PAGE === undefined ? {} : (0, eval)(`(${process.env.TEST_PAGE})`);
page.arguments = args;
await create(page);
