// The globals of scripts on guestnet that a browser and Node have as well, for projects without TypeScript's lib.dom and
// without @types/node: those declare them, and much that is not there.

interface GuestnetConsole {
    log(...values: unknown[]): void;
}
interface GuestnetPerformance {
    /** Milliseconds of the monotonic clock. */
    now(): number;
}
declare const console: GuestnetConsole;
declare const performance: GuestnetPerformance;
