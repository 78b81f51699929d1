// What the module learns of a socket: bits of its state, and why it failed. The other half of these is host-direct's.

/** Bits of a state. */
export const STATE = {
  /** It is open: connected, bound or listening. Stays set when it breaks. */
  OPEN: 1,
  /** It could not be opened; the error says why. */
  FAILED: 2,
  /** Bytes, a datagram or a connection can be taken. */
  READABLE: 4,
  /** There is room to send. */
  WRITABLE: 8,
  /** The peer has ended. What it sent before can still be taken. */
  END: 16,
  /** It was open and is of no use any more, or bytes may be lost; the error says why. Bytes that came before can still be taken. */
  BROKEN: 32,
  /** The browser has taken all that was sent. */
  SENT: 64,
};

/** Why it failed. */
export const ERROR = {
  NONE: 0,
  /** Refused, unreachable, or in use: the browser has one error for all. */
  NETWORK: 1,
  /** The name was not found. */
  NAME: 2,
  /** Reset by the peer, or it cannot be known whether bytes are lost. */
  RESET: 3,
  /** The browser does not permit it. */
  PERMISSION: 4,
  /** An argument is refused. */
  INVALID: 5,
  OTHER: 6,
  TIMEOUT: 7,
};

/** Why a socket could not be opened, of the browser's exception. Some errors differ in their text only. */
export function openError(error) {
  const text = String(error?.message);
  switch (error?.name) {
    case 'NetworkError':
      if (text.includes('resolved')) return ERROR.NAME;
      return /TIMED_OUT|timed out/i.test(text) ? ERROR.TIMEOUT : ERROR.NETWORK;
    // The peer had gone before the browser asked for its address.
    case 'InvalidStateError':
      return ERROR.RESET;
    case 'InvalidAccessError':
    case 'NotAllowedError':
    case 'SecurityError':
      return ERROR.PERMISSION;
    // A page that is no Isolated Web App has no such constructors.
    case 'ReferenceError':
      return ERROR.PERMISSION;
    case 'TypeError':
    case 'RangeError':
    case 'DataError':
      return ERROR.INVALID;
    default:
      return ERROR.OTHER;
  }
}

/** Why an open socket broke, of what a stream ended with; null if bytes may be lost. */
export function brokenError(error) {
  const text = String(error?.message);
  if (text.includes('TIMED_OUT')) return ERROR.TIMEOUT;
  // What one datagram did to its socket.
  if (text.includes('ACCESS_DENIED')) return ERROR.PERMISSION;
  if (text.includes('INVALID_ARGUMENT')) return ERROR.INVALID;
  if (text.includes('NAME_NOT_RESOLVED')) return ERROR.NAME;
  return ERROR.RESET;
}

/** The number of a port. The browser would take the low bits of a larger one. */
export function checkedPort(port) {
  if (port < 0 || port > 65535) throw new RangeError(`${port} is no port`);
  return port;
}

/**
 * Has the browser make a socket, and gives it, if it does. `opened(info)` is called when it is open, `failed(error)` when it
 * cannot be: at once where `make` throws.
 */
export function open(make, opened, failed) {
  let socket;
  try {
    socket = make();
  } catch (error) {
    failed(error);
    return undefined;
  }
  // It rejects as well when a stream fails, which the stream reports.
  socket.closed.catch(() => {});
  socket.opened.then(opened, failed);
  return socket;
}
