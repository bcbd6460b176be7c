import type { Backend } from "../backend.ts";
import type { DriverWriter, StagedWrite, StorageDriver } from "../driver.ts";
import { layer } from "../extend.ts";

/** The operations of a driver, as doubles see them: its methods, and those of the writers and staged writes that it hands out. */
export const OPERATIONS = [
  "read",
  "write",
  "stat",
  "list",
  "delete",
  "stage",
  "resumeStage",
  "commit",
  "discard",
  "openWriter",
  "push",
  "closeWriter",
  "abortWriter",
  "copy",
  "move",
  "mkdir",
  "rmdir",
  "deleteMany",
  "setMetadata",
  "signUrl",
  "close",
] as const;

/** The name of an operation of a driver. */
export type Operation = (typeof OPERATIONS)[number];

/** One call to a driver. */
export interface DriverCall {
  readonly operation: Operation;
  /** Path of the object, prefix of a listing; absent for `deleteMany` and `close`. */
  readonly path: string | undefined;
  /** The arguments as the driver gets them. */
  readonly args: readonly unknown[];
}

/** Stands between core and a driver: sees every call, and makes it by `proceed` with the same or other arguments, once, twice, late or never. */
export interface Interceptor {
  /** For all that answer with a promise. */
  call(call: DriverCall, proceed: (...args: readonly unknown[]) => Promise<unknown>): Promise<unknown>;
  /** For `list`. */
  list(call: DriverCall, proceed: () => AsyncIterable<unknown>): AsyncIterable<unknown>;
}

type Method = (...args: readonly unknown[]) => unknown;

const ASYNC: readonly Operation[] = [
  "read",
  "write",
  "stat",
  "delete",
  "copy",
  "move",
  "mkdir",
  "rmdir",
  "deleteMany",
  "setMetadata",
  "signUrl",
  "close",
];

/** Puts an interceptor over a backend; no ability is lost, none is gained. */
export function intercept<B extends Backend>(backend: B, interceptor: Interceptor): B {
  return layer(backend, (driver) => overridesOf(driver, interceptor));
}

function overridesOf(driver: StorageDriver, interceptor: Interceptor): Partial<StorageDriver> {
  const pass = (operation: Operation, method: Method): Method => {
    const hasPath = operation !== "deleteMany" && operation !== "close";
    return (...args) =>
      interceptor.call({ operation, path: hasPath ? String(args[0]) : undefined, args }, async (...given) => method(...given));
  };
  const methods: Partial<Record<string, Method>> = {};
  for (const operation of ASYNC) {
    const method = (driver as unknown as Partial<Record<string, Method>>)[operation];
    if (method) methods[operation] = pass(operation, method);
  }
  for (const operation of ["stage", "resumeStage"] as const) {
    const method = driver[operation] as Method | undefined;
    if (method)
      methods[operation] = async (...args) =>
        staged((await pass(operation, method)(...args)) as StagedWrite, String(args[0]), interceptor);
  }
  const { openWriter } = driver;
  if (openWriter)
    methods.openWriter = (path, options) => writer(openWriter(path as string, options as object), path as string, interceptor);
  methods.list = (prefix, options) =>
    interceptor.list({ operation: "list", path: prefix as string, args: [prefix, options] }, () =>
      driver.list(prefix as string, options as object),
    );
  return methods as Partial<StorageDriver>;
}

function staged(inner: StagedWrite, path: string, interceptor: Interceptor): StagedWrite {
  return {
    token: inner.token,
    get state() {
      return inner.state;
    },
    get expiresAt() {
      return inner.expiresAt;
    },
    commit: (options = {}) =>
      interceptor.call({ operation: "commit", path, args: [options] }, async (given) =>
        inner.commit(given as object),
      ) as ReturnType<StagedWrite["commit"]>,
    discard: (options = {}) =>
      interceptor.call({ operation: "discard", path, args: [options] }, async (given) =>
        inner.discard(given as object),
      ) as Promise<void>,
  };
}

function writer(inner: DriverWriter, path: string, interceptor: Interceptor): DriverWriter {
  return {
    write: (chunk) =>
      interceptor.call({ operation: "push", path, args: [chunk] }, async (given) =>
        inner.write(given as Uint8Array),
      ) as Promise<void>,
    close: () =>
      interceptor.call({ operation: "closeWriter", path, args: [] }, async () => inner.close()) as ReturnType<
        DriverWriter["close"]
      >,
    abort: (reason) =>
      interceptor.call({ operation: "abortWriter", path, args: [reason] }, async (given) => inner.abort(given)) as Promise<void>,
  };
}
