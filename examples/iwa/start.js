// Runs fetch.c once for each press of the button: app.js, linked with -sMODULARIZE -sEXPORT_NAME=createFetch, is a function that makes
// a new instance of the program.
'use strict';

const form = document.getElementById('form');
const output = document.getElementById('output');
const audit = document.getElementById('audit');

// An app's Content-Security-Policy allows a script's URL only by a Trusted Types policy.
const policy = trustedTypes.createPolicy('app', { createScriptURL: (url) => url });

/** Loads app.js, once. */
const loaded = new Promise((resolve, reject) => {
  const script = document.createElement('script');
  script.src = policy.createScriptURL('app.js');
  script.onload = resolve;
  script.onerror = () => reject(new Error('app.js is not there: docs/chromium.md has the commands that make it'));
  document.body.append(script);
});

/** Runs the program until it exits. */
async function run(args, allowed) {
  await loaded;
  return new Promise((resolve, reject) => {
    createFetch({
      arguments: args,
      print: (line) => output.append(`${line}\n`),
      printErr: (line) => output.append(`${line}\n`),
      onExit: resolve,
      onAbort: reject,
      guestnet: {
        // Without rules a program may do what the app may.
        ...(allowed && { allowConnect: allowed.split(/\s+/) }),
        audit: (line) => audit.append(`${line}\n`),
      },
    }).catch(reject);
  });
}

form.onsubmit = async (event) => {
  event.preventDefault();
  const { host, port, path, allow } = Object.fromEntries(new FormData(form));
  output.replaceChildren();
  audit.replaceChildren();
  const button = form.querySelector('button');
  button.disabled = true;
  try {
    const status = await run([host, port, path], allow.trim());
    if (status) output.append(`(exit status ${status})\n`);
  } catch (error) {
    output.append(`${error?.message ?? error}\n`);
  }
  button.disabled = false;
};
