// guestnet.js for a guest that waits: it fails where the guest has looked again and again instead.
import { load as loadProgram } from '/guestnet/guestnet.js';

/** How often a guest may ask for reports of readiness. */
const MOST = 50;

export async function load() {
  const program = await loadProgram();
  const attach = program.attach.bind(program);
  program.attach = () => {
    const table = attach();
    const { watchFor } = table;
    let asked = 0;
    table.watchFor = (fd, bits) => {
      if (++asked > MOST) throw new Error('it does not wait, but looks again and again');
      return watchFor(fd, bits);
    };
    return table;
  };
  return program;
}
