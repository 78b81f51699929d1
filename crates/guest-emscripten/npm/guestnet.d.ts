// The options of a program (`Module.guestnet`), and the addon's own interface, which is libguestnet.js's and may change.

/**
 * `Module.guestnet`: how a program's sockets behave. A plain object; an option that does not exist is an error.
 *
 * As long as no rule is given, everything is allowed. From the first one on (`policy`, `allow…` or `deny…`), here or in the
 * environment, what no rule allows is denied, and deny beats allow (docs/policy.md).
 *
 * The environment has the same options: GUESTNET_POLICY, GUESTNET_TRACE, GUESTNET_AUDIT and, as flags of the command line,
 * GUESTNET_OPTIONS="--allow-connect db:5432 --max-sockets 100". Options here replace those of the environment.
 */
export interface Options {
  /** A policy file, or several. In a browser its text: what is in such a file. */
  policy?: string | string[];
  /** True: everything that no deny rule covers. False: nothing but what another rule allows. */
  allowNet?: boolean;
  /** Outgoing TCP connections and datagrams: '[tcp://|udp://](NAME|*.NAME|IP|[IPv6]|CIDR)[:PORTS]'. */
  allowConnect?: string | string[];
  denyConnect?: string | string[];
  /** bind and listen. */
  allowListen?: string | string[];
  denyListen?: string | string[];
  /** Peers of listeners and of bound UDP sockets; all, until one is allowed. */
  allowAccept?: string | string[];
  denyAccept?: string | string[];
  /** Names that may be looked up. */
  allowResolve?: string | string[];
  denyResolve?: string | string[];
  /** UNIX socket paths: '/run/db.sock' or '/run/app/*'. */
  allowUnix?: string | string[];
  /** Open sockets and ends of pipes. */
  maxSockets?: number;
  /** Open sockets, pipes and epolls; files are the file system's. */
  maxDescriptors?: number;
  /** Bytes that the kernel may hold in their buffers, as 1000 or '10MiB'. */
  maxBuffers?: number | string;
  /** Connections that wait for accept, of one listener. */
  maxPending?: number;
  /** Look-ups a second. */
  maxLookups?: number;
  /** Bytes a second, as 1000 or '10MiB'. */
  maxRate?: number | string;
  /** Bytes in all, as 1000 or '10MiB'. */
  maxBytes?: number | string;
  /** Bytes of the trace and of the audit; beyond, they have only what is new. */
  maxLog?: number | string;
  /** DNS servers to ask instead of the system's resolver. Not in a browser, which looks names up itself. */
  dns?: string | string[];
  /** A hosts file, which is asked before everything else but the program's own. In a browser its text. */
  hosts?: string;
  /** A file for one line a socket call, '-' for standard error. In a browser '-' for the console, or a function that is given each line. */
  trace?: string | ((line: string) => void);
  /** A file for one JSON object a decision of the policy. In a browser '-' for the console, or a function that is given each line. */
  audit?: string | ((line: string) => void);
  /**
   * Where the addon is, if neither in the library's directory nor in node_modules. In a browser the URL of guestnet.js, if it is not
   * guestnet/guestnet.js beside the program.
   */
  addon?: string;
}

/**
 * Starts a program under these options (`Module.guestnet`) and those of the environment (GUESTNET_POLICY, GUESTNET_TRACE,
 * GUESTNET_AUDIT, GUESTNET_OPTIONS). Returns the program's number.
 */
export function open(
  module?: Options,
  policy?: string,
  trace?: string,
  audit?: string,
  options?: string,
): number;

/** Ends a program: every wait of its threads returns, and its descriptors are closed. */
export function stop(program: number): void;

/**
 * The system calls for this thread of a program: functions of the module's memory and integers. A `pthread` other than the main
 * one does nothing more when the program has ended: its calls throw 'unwind'. `undefined` if it has ended.
 */
export function attach(program: number, pthread?: 0 | 1): Record<string, (...args: unknown[]) => number> | undefined;

/** The bits of a descriptor's readiness. */
export const READY: Readonly<Record<'READ' | 'WRITE' | 'ERROR' | 'HANGUP' | 'ALWAYS', number>>;

/** The bits of what `state` returns, and how many of them stand below the socket's pending error. */
export const STATE: Readonly<Record<
  | 'LISTENING' | 'CONNECTED' | 'DATAGRAM' | 'RECEIVE_SHUT' | 'END_OF_FILE' | 'READABLE' | 'HUNG_UP' | 'ERROR_SHIFT',
  number
>>;

/** The bytes that a list of results needs: for a node and an address, each a result, and once for the canonical name. */
export const ADDRINFO_ROOM: Readonly<Record<'NODE' | 'ADDRESS' | 'CANONICAL_NAME', number>>;

/** What `poll` returns when it meets a descriptor that is not guestnet's. */
export const FOREIGN: number;
