import type { Backend, WriteOptions } from "./backend.ts";
import { type BodySource, toDriverBody } from "./body.ts";
import { checkCallOptions, invalidArgument, notSupported, TAKES } from "./call-options.ts";
import { guessContentType } from "./content-type.ts";
import { storageChannel, traced } from "./diagnostics.ts";
import type { CommitOptions, DriverBody, DriverWriteOptions, StagedWrite } from "./driver.ts";
import { OmniError } from "./error.ts";
import type { Features } from "./features.ts";
import { stageHeld } from "./held.ts";
import type { ObjectInfo } from "./object-info.ts";
import { checkedWriter, DirectWriter, FedWriter } from "./object-writer.ts";
import type { Core } from "./runner.ts";
import { CheckedSource, checkBytes } from "./source.ts";

/** A write whose options and body are checked. */
interface PreparedWrite {
  readonly options: WriteOptions;
  readonly driverOptions: DriverWriteOptions;
  readonly body: DriverBody;
}

/** Writes an object; what is wrong with the call rejects too. */
export function write(core: Core, path: string, body: BodySource, options?: WriteOptions): Promise<ObjectInfo> {
  const prepared = prepare(core, "write", path, body, options);
  if ("error" in prepared) return Promise.reject(prepared.error);
  return writeUnder(core, "write", path, prepared, (bytes, driverOptions) => core.driver.write(path, bytes, driverOptions));
}

/** Brings all bytes of an object to the store, and shows none. */
export function stage(core: Core, path: string, body: BodySource, options?: WriteOptions): Promise<StagedWrite> {
  const prepared = prepare(core, "stage", path, body, options);
  return "error" in prepared ? Promise.reject(prepared.error) : stagePrepared(core, path, prepared);
}

function prepare(
  core: Core,
  operation: "write" | "stage",
  path: string,
  body: unknown,
  options: WriteOptions = {},
): PreparedWrite | { error: unknown } {
  const { run } = core;
  try {
    run.checkOpen(operation, path);
    return run.guard(operation, path, () => {
      const driverOptions = checkWrite(core, path, options);
      if (options.signal?.aborted) return { error: options.signal.reason };
      const bytes = toDriverBody(body);
      if (bytes instanceof Uint8Array) {
        checkBytes(bytes, options);
        checkLength(core, bytes.byteLength);
      }
      return { options, driverOptions, body: bytes };
    });
  } catch (error) {
    return { error };
  }
}

function checkWrite({ check, features, driver }: Core, path: string, options: WriteOptions): DriverWriteOptions {
  check(path, options, TAKES.write);
  const { scheme } = driver;
  if (options.ifNoneMatch !== undefined && options.ifMatch !== undefined)
    throw invalidArgument("ifNoneMatch and ifMatch exclude each other; give one");
  if (options.ifNoneMatch !== undefined && !features.conditional.create)
    throw notSupported(`${scheme} has no conditional create; leave ifNoneMatch out`);
  if (options.ifMatch !== undefined && !features.conditional.replace)
    throw notSupported(`${scheme} has no conditional replace; leave ifMatch out`);
  checkKept(features, scheme, options);
  if (options.sizeBytes !== undefined) checkLength({ features, driver }, options.sizeBytes);
  const { signal: _signal, timeoutMs: _timeout, checksum: _checksum, onProgress: _progress, ...rest } = options;
  if (!features.contentHeaders || options.contentType !== undefined) return rest;
  return { ...rest, contentType: guessContentType(path) };
}

/** What a store would drop in silence is refused. */
export function checkKept(features: Features, scheme: string, options: WriteOptions): void {
  if (options.metadata !== undefined && !features.customMetadata && Object.keys(options.metadata).length > 0)
    throw notSupported(`${scheme} keeps no metadata; leave it out`);
  if (options.modifiedAt !== undefined && !features.setModTime)
    throw notSupported(`${scheme} keeps no modification time of yours; leave modifiedAt out`);
  if (options.stamp !== undefined && !features.stamps) throw notSupported(`${scheme} keeps no stamps; leave stamp out`);
  if (features.contentHeaders) return;
  for (const header of ["contentType", "cacheControl", "contentEncoding", "contentDisposition"] as const)
    if (options[header] !== undefined) throw notSupported(`${scheme} keeps no ${header}; leave it out`);
}

function checkLength({ features, driver }: Pick<Core, "features" | "driver">, bytes: number): void {
  if (features.maxObjectBytes === undefined || bytes <= features.maxObjectBytes) return;
  throw new OmniError("TOO_LARGE", {
    reason: `the object has ${bytes} bytes, the most at ${driver.scheme} is ${features.maxObjectBytes}`,
    outcome: "not-applied",
  });
}

/** Whether somebody may stop the body or wants to know of it, so that it must pass through a {@link CheckedSource}. */
function isWatched({ run }: Core, options: WriteOptions): boolean {
  const { signal, sizeBytes, checksum, onProgress } = options;
  return (
    signal !== undefined ||
    run.limits(options).timeoutMs !== undefined ||
    sizeBytes !== undefined ||
    checksum !== undefined ||
    onProgress !== undefined
  );
}

function stagePrepared(core: Core, path: string, prepared: PreparedWrite): Promise<StagedWrite> {
  const { driver, features } = core;
  if (features.stagedWrite === "none")
    return Promise.reject(
      core.run.wrap("stage", path)(notSupported(`${driver.scheme} cannot hold a write back; use write() or createWriter()`)),
    );
  return writeUnder(
    core,
    "stage",
    path,
    prepared,
    async (body, options) => {
      const staged = driver.stage
        ? await driver.stage(path, body, options)
        : await stageHeld((held, held_) => driver.write(path, held, held_), body, options);
      return guardStaged(core, path, staged);
    },
    (late) => {
      // Nobody holds the token of a write that was staged after its caller gave up; what cannot be withdrawn is left to the store's sweep.
      late.discard().catch(() => {});
    },
  );
}

/** Hands a body to the driver under the caller's signal and time limit: the body ends first, then the driver's signal aborts. */
async function writeUnder<T>(
  core: Core,
  operation: string,
  path: string,
  { options, driverOptions, body }: PreparedWrite,
  work: (body: DriverBody, options: DriverWriteOptions) => Promise<T>,
  late?: (result: T) => void,
): Promise<T> {
  const source = body instanceof Uint8Array || !isWatched(core, options) ? undefined : new CheckedSource(body, options);
  const start = (): Promise<T> => {
    const deadline = core.run.deadline(options);
    if (!deadline) return work(source ?? body, driverOptions).catch(rethrow(core.run.wrap(operation, path)));
    if (source) deadline.onStop((reason) => source.stop(reason));
    return deadline
      .race(work(source ?? body, { ...driverOptions, signal: deadline.signal }), true, core.run.wrap(operation, path), late)
      .finally(() => deadline.release());
  };
  return storageChannel.hasSubscribers ? traced({ backend: core.driver.scheme, operation, path }, start) : start();
}

function rethrow(wrap: (error: unknown) => unknown): (error: unknown) => never {
  return (error) => {
    throw wrap(error);
  };
}

/** A driver's staged write with core's checks, deadlines and errors around it. */
export function guardStaged(core: Core, path: string, staged: StagedWrite): StagedWrite {
  const { run, features, driver } = core;
  const checkConditions = (conditions: CommitOptions | undefined): void => {
    checkCallOptions(conditions, TAKES.commit);
    if (conditions?.ifNoneMatch !== undefined && !features.conditional.create)
      throw notSupported(`${driver.scheme} has no conditional create`);
    if (conditions?.ifMatch !== undefined && !features.conditional.replace)
      throw notSupported(`${driver.scheme} has no conditional replace`);
  };
  return {
    token: staged.token,
    get state() {
      return staged.state;
    },
    get expiresAt() {
      return staged.expiresAt;
    },
    commit: (options) =>
      run.call(
        "commit",
        path,
        options,
        () => checkConditions(options),
        "changes",
        (signal) => staged.commit({ ...options, signal }),
      ),
    discard: (options) =>
      run.call(
        "discard",
        path,
        options,
        () => checkCallOptions(options, TAKES.call),
        "changes",
        (signal) => staged.discard({ signal }),
      ),
  };
}

export function createWriter(core: Core, path: string, options: WriteOptions): ReturnType<Backend["createWriter"]> {
  const { driver, run } = core;
  run.checkOpen("createWriter", path);
  const driverOptions = run.guard("createWriter", path, () => checkWrite(core, path, options));
  const { signal } = options;
  if (driver.openWriter) {
    const open = driver.openWriter;
    const wrap = run.wrap("write", path);
    if (signal?.aborted) throw signal.reason;
    return new DirectWriter(
      path,
      run.guard("createWriter", path, () => {
        const writer = open(path, { ...driverOptions, signal });
        const { sizeBytes, checksum, onProgress } = options;
        return sizeBytes === undefined && !checksum && !onProgress
          ? writer
          : checkedWriter(writer, { sizeBytes, checksum, onProgress });
      }),
      (error) => (signal?.aborted && error === signal.reason ? error : wrap(error)),
    );
  }
  return new FedWriter(path, (body) => write(core, path, body, options), signal);
}
