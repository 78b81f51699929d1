// handles_signal.mjs MODULE ARGUMENT...: runs a program in a process that handles SIGURG itself.
import process from 'node:process';
import { pathToFileURL } from 'node:url';

process.on('SIGURG', () => {});
const { default: create } = await import(pathToFileURL(process.argv[2]).href);
await create({ arguments: process.argv.slice(3) });
