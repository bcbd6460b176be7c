import type { Context } from "./context.ts";
import { annotate } from "./errors.ts";

/** The most that one request deletes: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html */
const BATCH = 1_000;

// What XML 1.0 cannot carry, not even escaped: such keys are deleted one by one.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the control characters are what is looked for.
const NOT_IN_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/** Deletes many objects in few requests; the errors of single paths come back. */
export async function deleteMany(
  context: Context,
  paths: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, unknown>> {
  const errors = new Map<string, unknown>();
  const plain = paths.filter((path) => !NOT_IN_XML.test(path));
  for (let at = 0; at < plain.length; at += BATCH)
    await deleteBatch(context, plain.slice(at, at + BATCH), errors, at === 0, signal);
  for (const path of paths) if (NOT_IN_XML.test(path)) await deleteOne(context, path, errors, signal);
  return errors;
}

async function deleteBatch(
  { send, key, settings }: Context,
  paths: readonly string[],
  errors: Map<string, unknown>,
  isFirst: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    const answer = await send(
      "DeleteObjects",
      { Delete: { Quiet: true, Objects: paths.map((path) => ({ Key: key(path) })) } },
      signal,
    );
    for (const { Key = "", Code = "", Message = "" } of answer.Errors ?? [])
      if (Code !== "NoSuchKey")
        errors.set(
          Key.slice(settings.prefix.length),
          annotate(Object.assign(new Error(Message || Code), { name: Code }), { outcome: "not-applied" }),
        );
  } catch (error) {
    // With nothing deleted so far the whole call fails; later the paths that are gone are not to be called undone.
    if (isFirst || signal?.aborted) throw error;
    for (const path of paths) errors.set(path, error);
  }
}

async function deleteOne(
  { send, key }: Context,
  path: string,
  errors: Map<string, unknown>,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await send("DeleteObject", { Key: key(path) }, signal);
  } catch (error) {
    errors.set(path, error);
  }
}
