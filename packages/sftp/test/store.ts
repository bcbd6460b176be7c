import { randomUUID } from "node:crypto";
import type { Backend } from "@omni/core";
import type { RunningServer } from "@omni/servers";
import { type SftpBackend, type SftpOptions, sftp } from "@omni/sftp";

/** The options that sign in to a server of the tests; the root is the server's folder. */
export function optionsOf({ url, ssh }: Pick<RunningServer, "url" | "ssh">): SftpOptions {
  const { hostname, port, username, pathname } = new URL(url);
  if (!ssh) throw new Error(`the server ${url} tells no keys`);
  return { host: hostname, port: Number(port), username: decodeURIComponent(username), root: pathname, ...ssh };
}

/** Stores of one server, each with a root of its own. */
export class Stores {
  readonly #current: () => RunningServer;
  readonly #roots = new WeakMap<Backend["driver"], string>();

  constructor(current: () => RunningServer) {
    this.#current = current;
  }

  fresh(options: Partial<SftpOptions> = {}): SftpBackend {
    return this.#open(`${optionsOf(this.#current()).root}/${randomUUID()}`, options);
  }

  /** Another backend over the same root. */
  again(backend: Backend, options: Partial<SftpOptions> = {}): SftpBackend {
    return this.#open(this.rootOf(backend), options);
  }

  rootOf(backend: Backend): string {
    const root = this.#roots.get(backend.driver);
    if (root === undefined) throw new Error("the backend is not one of these stores");
    return root;
  }

  #open(root: string, options: Partial<SftpOptions>): SftpBackend {
    const backend = sftp({ ...optionsOf(this.#current()), root, ...options });
    this.#roots.set(backend.driver, root);
    return backend;
  }
}
