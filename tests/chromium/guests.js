// Runs guests that were built for Isolated Web Apps, here or in a worker.

const modules = new Map();

/** The JavaScript of the guests, and their module, compiled once. */
async function load(products) {
  const [{ default: create }, compiled] = await Promise.all([
    import(`/guests/${products}/guests.mjs`),
    WebAssembly.compileStreaming(fetch(`/guests/${products}/guests.wasm`)),
  ]);
  return { create, compiled };
}

/**
 * Runs a guest until it exits: what it has printed, its status, and the lines of the logs that `collect` names. With `lines` each line
 * of its standard output is reported when it is there.
 */
export async function run(products, args, { collect = [], lines = false, ...options }, report) {
  if (!modules.has(products)) modules.set(products, load(products));
  const { create, compiled } = await modules.get(products);
  let stdout = '';
  let stderr = '';
  const logs = {};
  for (const name of collect) options[name] = (line) => (logs[name] ??= []).push(line);
  const status = await new Promise((resolve, reject) => {
    const failed = (error) => reject(new Error(`${error?.stack ?? error}\n--- stdout\n${stdout}--- stderr\n${stderr}`));
    create({
      arguments: args,
      guestnet: { addon: '/guestnet/guestnet.js', ...options },
      instantiateWasm(imports, done) {
        WebAssembly.instantiate(compiled, imports).then((instance) => done(instance, compiled), failed);
        return {};
      },
      print(line) {
        stdout += `${line}\n`;
        if (lines) report(line);
      },
      printErr: (line) => (stderr += `${line}\n`),
      onExit: resolve,
      onAbort: failed,
    }).catch(failed);
  });
  return { status, stdout, stderr, logs };
}
