// What a page may say to libguestnet.js, and the addon's own interface, which is libguestnet.js's and may change.

/** `Module.guestnet`: how a program's sockets behave. */
export interface Options {
  /** A policy file (docs/policy.md). Without it, and without GUESTNET_POLICY in the environment, everything is allowed. */
  policy?: string;
  /** A file for one line a socket call, '-' for standard error. GUESTNET_TRACE in the environment says the same. */
  trace?: string;
  /** Where the addon is, if not beside the library or in node_modules. */
  addon?: string;
}

/** Starts a program under a policy in TOML, whose file's name is for messages. Returns the program's number. */
export function open(policy?: string, name?: string, trace?: string): number;

/** Ends a program: every wait of its threads returns, and its descriptors are closed. */
export function stop(program: number): void;

/** The system calls for this thread of a program: functions of the module's memory and integers. */
export function attach(program: number): Record<string, (...args: unknown[]) => number> | undefined;
