// Node's larger modules, loaded where they are first needed: an import of this package pays for none of them.

let crypto: typeof import("node:crypto") | undefined;
let http: typeof import("node:http") | undefined;
let https: typeof import("node:https") | undefined;

export function nodeCrypto(): typeof import("node:crypto") {
  crypto ??= process.getBuiltinModule("node:crypto");
  return crypto;
}

/** The module that speaks a protocol. */
export function nodeHttp(protocol: string): typeof import("node:http") | typeof import("node:https") {
  if (protocol === "https:") {
    https ??= process.getBuiltinModule("node:https");
    return https;
  }
  http ??= process.getBuiltinModule("node:http");
  return http;
}
