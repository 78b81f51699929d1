// attach.mjs ADDON: one program, to which threads attach again and again: in this thread, whose engine collects their functions
// meanwhile, and in workers, which end. A thread belongs to its functions and holds a descriptor from its first call on: when
// none is left, every function and its thread have been freed.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import vm from 'node:vm';
import { Worker, isMainThread, workerData } from 'node:worker_threads';

const TIMES = 100;

const addon = createRequire(import.meta.url)(isMainThread ? process.argv[2] : workerData.path);
const open = () => fs.readdirSync('/proc/self/fd').length;
const turn = () => new Promise((resolve) => setTimeout(resolve));

function attach(program) {
  const memory = new Uint8Array(new ArrayBuffer(16));
  for (let i = 0; i < TIMES; i++) {
    const thread = addon.attach(program, 0);
    thread.setMemory(memory);
    const call = (name, ...numbers) => {
      thread.call.block.set([addon.CALLS.indexOf(name), ...numbers]);
      thread.call();
      return thread.call.block[0];
    };
    call('close', call('socket', 2, 1, 0));
  }
}

function collector() {
  if (process.versions.bun) return () => globalThis.Bun.gc(true);
  v8.setFlagsFromString('--expose-gc');
  return vm.runInNewContext('gc');
}

/** Waits until the descriptors of `TIMES` threads are closed, but for those that an engine opens itself now and then. */
async function report(name, before, collect) {
  const end = Date.now() + 20_000;
  while (open() >= before + TIMES / 2 && Date.now() < end) {
    collect();
    // What was collected is finalised in a later turn.
    await turn();
  }
  const left = open() - before;
  console.log(left < TIMES / 2 ? `${name}: none is left` : `${name}: ${left} are left`);
}

if (isMainThread) {
  const collect = collector();
  const program = addon.open();
  let before = open();
  attach(program);
  const attached = open() - before;
  console.log(attached >= TIMES ? 'each thread holds a descriptor' : `only ${attached} are held`);
  await report('collected', before, collect);
  before = open();
  for (let i = 0; i < 2; i++) {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { path: process.argv[2], program } });
    await new Promise((resolve) => worker.once('exit', resolve));
  }
  await report('in workers that ended', before, () => {});
  addon.stop(program);
} else {
  attach(workerData.program);
}
