// Modules of Node that cost a process more to load than all of core: they are loaded by the first call that needs them, not by an import of core.

let crypto: typeof import("node:crypto") | undefined;
let stream: typeof import("node:stream") | undefined;

/** `node:crypto`. */
export function nodeCrypto(): typeof import("node:crypto") {
  crypto ??= process.getBuiltinModule("node:crypto");
  return crypto;
}

/** `node:stream`, which `node:crypto` loads, too. */
export function nodeStream(): typeof import("node:stream") {
  stream ??= process.getBuiltinModule("node:stream");
  return stream;
}
