// Starts app.js, a program that was linked with `guestnet-emcc --web`, and shows what it prints. An app's Content-Security-Policy allows
// no script in the page itself, and a script's URL only by a Trusted Types policy.
'use strict';

const output = document.getElementById('output');
const print = (line) => output.append(`${line}\n`);
const policy = trustedTypes.createPolicy('app', { createScriptURL: (url) => url });

/** What the program finds when it starts. */
var Module = {
  /** What main() has as argv[1] and the following: those of the app's address, as in index.html?arg=127.0.0.1&arg=80. */
  arguments: new URLSearchParams(location.search).getAll('arg'),
  print,
  printErr: print,
  onExit: (status) => print(`(exit status ${status})`),
  onAbort: (reason) => print(`(aborted: ${reason})`),
  /** The options of guestnet: with rules, such as allowConnect: ['*.example.com:443'], the sockets do only what they allow. */
  guestnet: {},
};

const script = document.createElement('script');
script.src = policy.createScriptURL('app.js');
script.onerror = () => print('app.js is not there: emcc app.c $(npx guestnet-emcc --web --jspi) -sJSPI -o app.js makes it.');
document.body.append(script);
