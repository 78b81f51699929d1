// A worker that computes for a while, and whose messages have no handler.
import * as os from "os";
await os.sleepAsync(100);
print("worker");
