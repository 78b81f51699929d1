// A worker that has something to do for a while, and that nobody listens to.
import * as os from "os";
await os.sleepAsync(100);
print("worker");
