/**
 * guestnet's half of the socket calls for `emcc --js-library`: which thread does what, and Emscripten's file system.
 *
 * Every call is one of the addon's functions of (memory, integers). What needs the file system (a descriptor's number)
 * runs on the main thread; what moves data runs in the thread that asks and never by way of another.
 *
 * The parts stand in library/, one a noun, and emcc's preprocessor includes them here. They share this function's scope:
 * `library`, which they fill, and `GN`, the one object of the program at run time. Each uses what stands above it, and reports
 * to what stands below by the functions GN.onEnd, GN.onInstall and GN.onClose.
 */
#if MEMORY64
#error guestnet needs a memory of 32-bit addresses: link without -sMEMORY64
#endif
#if WASMFS
#error guestnet keeps its descriptors in the file system in JavaScript: link without -sWASMFS
#endif
#if !FILESYSTEM
#error guestnet keeps its descriptors in the file system: link without -sFILESYSTEM=0
#endif
#if !MEMORY64 && !WASMFS && FILESYSTEM
(() => {
#include "library/macros.js"
#if ENVIRONMENT_MAY_BE_NODE
#include "library/node.js"
#endif
#if ENVIRONMENT_MAY_BE_WEB || ENVIRONMENT_MAY_BE_WORKER
#include "library/browser.js"
#endif
#include "library/program.js"
#include "library/threads.js"
#include "library/streams.js"
#include "library/flags.js"
#include "library/callbacks.js"
#include "library/names.js"
#include "library/calls.js"
#include "library/events.js"

for (const name of Object.keys(library)) {
  if (name.startsWith('__syscall_') && typeof library[name] == 'function') wrapSyscallFunction(name, library, false);
}
addToLibrary(library);
})();
#endif
