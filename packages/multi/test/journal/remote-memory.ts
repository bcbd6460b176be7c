// The memory driver, served over loopback by a process that outlives those that are killed: what is staged there is durable for them.
import { once } from "node:events";
import { Agent, createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type Backend,
  collect,
  createBackend,
  type DriverOptions,
  type ErrorCode,
  type ObjectInfo,
  OmniError,
  type StagedWrite,
  type StorageDriver,
} from "@omni/core";
import { memory } from "@omni/memory";

/** A server of one memory store. */
export interface RemoteMemoryServer {
  readonly url: string;
  /** Tokens that were neither committed nor withdrawn. */
  readonly staged: readonly string[];
  /** The store itself, for a look without the network. */
  readonly store: Backend;
  /** While it is down every request is refused before anything is done. */
  isDown: boolean;
  close(): Promise<void>;
}

/** One call as it goes over the wire, in a header; bytes go in the body. */
interface Call {
  readonly on: "read" | "write" | "stat" | "list" | "delete" | "stage" | "resumeStage" | "commit" | "discard" | "sweep";
  readonly path: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly token?: string;
}

interface Reply {
  readonly value?: unknown;
  readonly error?: { readonly code: ErrorCode; readonly reason: string; readonly outcome?: "not-applied" | "unknown" };
}

/** Starts a server on a free port of loopback. */
export async function serveMemory(): Promise<RemoteMemoryServer> {
  const store = memory();
  const tokens = new Map<string, string>();
  const state = { isDown: false };
  const server: Server = createServer((incoming, answer) => {
    handle(store.driver, tokens, state, incoming, answer).catch((error) => answer.destroy(error));
  });
  // A connection that the server drops just when a request is on its way would be a fault that no test asked for.
  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    store,
    get staged() {
      return [...tokens.keys()];
    },
    get isDown() {
      return state.isDown;
    },
    set isDown(isDown: boolean) {
      state.isDown = isDown;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function handle(
  driver: StorageDriver,
  tokens: Map<string, string>,
  state: { readonly isDown: boolean },
  incoming: IncomingMessage,
  answer: ServerResponse,
): Promise<void> {
  const call = decode(incoming.headers["x-call"] as string) as Call;
  const body = await collect(incoming);
  let reply: Reply;
  let bytes: Uint8Array = new Uint8Array();
  try {
    if (state.isDown) throw new OmniError("UNAVAILABLE", { reason: "the server is down", outcome: "not-applied" });
    const [value, content] = await perform(driver, tokens, call, body);
    reply = { value };
    bytes = content ?? bytes;
  } catch (error) {
    const { code, reason, outcome } = OmniError.is(error) ? error : new OmniError("UNKNOWN", { reason: String(error) });
    reply = { error: { code, reason, ...(outcome ? { outcome } : {}) } };
  }
  answer.writeHead(200, { "x-reply": encode(reply), "content-length": bytes.byteLength });
  answer.end(bytes);
}

async function perform(
  driver: StorageDriver,
  tokens: Map<string, string>,
  { on, path, options = {}, token = "" }: Call,
  body: Uint8Array,
): Promise<[value: unknown, content?: Uint8Array]> {
  switch (on) {
    case "read": {
      const opened = await driver.read(path, options);
      return [shown(opened.info), await collect(opened.body)];
    }
    case "write":
      return [shown(await driver.write(path, body, options))];
    case "stat":
      return [shown(await driver.stat(path, options))];
    case "list": {
      const items: unknown[] = [];
      for await (const info of driver.list(path, options)) items.push(shown(info));
      return [items];
    }
    case "delete":
      return [await driver.delete(path, options)];
    case "stage": {
      const staged = (await driver.stage?.(path, body, options)) as StagedWrite;
      tokens.set(staged.token, path);
      return [staged.token];
    }
    case "resumeStage":
      return [(await resume(driver, path, token)).state];
    case "commit": {
      const info = await (await resume(driver, path, token)).commit(options);
      tokens.delete(token);
      return [shown(info)];
    }
    case "discard":
      tokens.delete(token);
      return [await (await resume(driver, path, token)).discard()];
    case "sweep": {
      const kept = new Set(options.keepTokens as readonly string[]);
      const stale = [...tokens].filter(([each]) => !kept.has(each));
      for (const [each, at] of stale) {
        await (await resume(driver, at, each)).discard();
        tokens.delete(each);
      }
      return [{ removed: stale.length }];
    }
  }
}

async function resume(driver: StorageDriver, path: string, token: string): Promise<StagedWrite> {
  return (await driver.resumeStage?.(path, token, {})) as StagedWrite;
}

/** A backend over such a server. Its staged writes outlive this process, and it says so. */
export function remoteMemory(url: string): Backend {
  const agent = new Agent({ keepAlive: true });
  const ask = async (call: Call, { signal }: DriverOptions, body?: Uint8Array): Promise<[unknown, Uint8Array]> => {
    const request = httpRequest(url, { method: "POST", agent, headers: { "x-call": encode(call) }, ...(signal ? { signal } : {}) });
    request.end(body);
    const [answer] = (await once(request, "response")) as [IncomingMessage];
    const bytes = await collect(answer);
    const { value, error } = decode(answer.headers["x-reply"] as string) as Reply;
    if (error) throw new OmniError(error.code, error);
    return [value, bytes];
  };
  const info = ([value]: [unknown, Uint8Array]): ObjectInfo => received(value);
  const staged = (path: string, token: string, state: StagedWrite["state"]): StagedWrite => ({
    token,
    state,
    commit: async ({ signal, ifMatch, ifNoneMatch } = {}) =>
      info(await ask({ on: "commit", path, token, options: { ifMatch, ifNoneMatch } }, { signal })),
    discard: async (options = {}) => void (await ask({ on: "discard", path, token }, options)),
  });
  const { features } = memory().driver;
  const driver: StorageDriver & { sweepStale(options: object): Promise<unknown> } = {
    scheme: "remote-memory",
    identity: `remote-memory:${url}`,
    features: { ...features, stagedWrite: "durable", durable: "host" },
    classifyError: (cause) =>
      (cause as { code?: string }).code === "ECONNREFUSED"
        ? { code: "UNAVAILABLE", outcome: "not-applied" }
        : { code: "UNAVAILABLE", outcome: "unknown" },
    async read(path, { signal, ...options }) {
      const [value, bytes] = await ask({ on: "read", path, options }, { signal });
      return { info: received(value), body: oneChunk(bytes) };
    },
    write: async (path, body, { signal, ...options }) =>
      info(await ask({ on: "write", path, options }, { signal }, body instanceof Uint8Array ? body : await collect(body))),
    stat: async (path, { signal }) => info(await ask({ on: "stat", path }, { signal })),
    async *list(path, { signal, ...options }) {
      const [items] = await ask({ on: "list", path, options }, { signal });
      yield* (items as unknown[]).map(received);
    },
    delete: async (path, { signal, ifMatch }) => void (await ask({ on: "delete", path, options: { ifMatch } }, { signal })),
    async stage(path, body, { signal, ...options }) {
      const bytes = body instanceof Uint8Array ? body : await collect(body);
      const [token] = await ask({ on: "stage", path, options }, { signal }, bytes);
      return staged(path, token as string, "staged");
    },
    async resumeStage(path, token, { signal }) {
      const [state] = await ask({ on: "resumeStage", path, token }, { signal });
      return staged(path, token, state as StagedWrite["state"]);
    },
    sweepStale: async ({ keepTokens = [] }: { keepTokens?: readonly string[] }) =>
      (await ask({ on: "sweep", path: "", options: { keepTokens } }, {}))[0],
    close: async () => agent.destroy(),
  };
  return createBackend(driver);
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  if (bytes.byteLength > 0) yield bytes;
}

/** What JSON keeps of an info. */
function shown({ hashes: _, ...info }: ObjectInfo): object {
  return info;
}

function received(value: unknown): ObjectInfo {
  const info = value as ObjectInfo;
  return { ...info, modifiedAt: info.modifiedAt && new Date(info.modifiedAt) };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decode(text: string): unknown {
  const value = JSON.parse(Buffer.from(text, "base64url").toString()) as { options?: { modifiedAt?: unknown } };
  if (typeof value.options?.modifiedAt === "string") value.options.modifiedAt = new Date(value.options.modifiedAt);
  return value;
}
