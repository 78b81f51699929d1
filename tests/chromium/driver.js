// The page of the tests: runs a scenario here or in a worker, and hands over what it reports. tests/src/chromium drives it.
import { run as runHere } from '/guests.js';
import { run } from '/scenarios.js';

/** `report` is what the harness adds to the page. */
const report = (value) => globalThis.report(JSON.stringify(value));

/** Workers need a name for their scripts: the page's Content-Security-Policy demands trusted types. */
const policy = globalThis.trustedTypes?.createPolicy('guestnet-tests', { createScriptURL: (url) => url });

/** Runs a scenario in a worker of its own, which ends with the page: closing a socket goes on after a scenario. */
function runInWorker(name, args) {
  const url = policy ? policy.createScriptURL('/worker.js') : '/worker.js';
  const worker = new Worker(url, { type: 'module' });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data: [kind, value] }) => {
      if (kind === 'report') report(value);
      else (kind === 'done' ? resolve : reject)(value);
    };
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage([name, args]);
  });
}

/** What the harness evaluates. */
globalThis.scenario = (where, name, args) =>
  where === 'worker' ? runInWorker(name, args) : run(name, args, report);

/** A worker for guests, which has one after the other. */
let worker;

/** What the harness evaluates for guests. */
globalThis.runGuest = (realm, products, args, options) => {
  if (realm === 'page') return runHere(products, args, options, report);
  const url = policy ? policy.createScriptURL('/guest-worker.js') : '/guest-worker.js';
  worker ??= new Worker(url, { type: 'module' });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data: [isDone, value] }) => (isDone ? resolve(value) : reject(value));
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage([products, args, options]);
  });
};
