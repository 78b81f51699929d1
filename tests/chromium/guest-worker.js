// The same in a dedicated worker.
import { run } from '/guests.js';

onmessage = async ({ data }) => {
  try {
    postMessage([true, await run(...data)]);
  } catch (error) {
    postMessage([false, error.stack ?? String(error)]);
  }
};
