// The same scenarios in a dedicated worker.
import { run } from '/scenarios.js';

onmessage = async ({ data: [name, args] }) => {
  try {
    const value = await run(name, args, (value) => postMessage(['report', value]));
    postMessage(['done', value]);
  } catch (error) {
    postMessage(['failed', error.stack ?? String(error)]);
  }
};
