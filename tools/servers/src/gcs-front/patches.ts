/**
 * A patch whose metadata sets keys to null removes them (documentation pages "Objects: patch" and "JSON API: patch semantics"). The server behind
 * keeps such a key with an empty value; what it does as documented is an update (PUT), which replaces all metadata and keeps other fields that
 * are not given.
 */

type Metadata = Readonly<Record<string, string>>;

interface Patch {
  readonly metadata?: Readonly<Record<string, string | null>> | null;
}

/**
 * The update that does what a patch asks for.
 *
 * @param patch its body, JSON
 * @param before the object's metadata
 * @returns the body of the update; `undefined` where the patch needs none, and where it is no JSON object: its refusal is the server's
 */
export function withoutNulls(patch: string, before: Metadata = {}): string | undefined {
  const { metadata, ...fields } = parsed(patch) ?? {};
  if (metadata === undefined || (metadata !== null && !Object.values(metadata).includes(null))) return undefined;
  const merged = metadata === null ? [] : Object.entries({ ...before, ...metadata }).filter(([, value]) => value !== null);
  return JSON.stringify({ ...fields, metadata: Object.fromEntries(merged) });
}

function parsed(text: string): Patch | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined; // the server behind says what is wrong with it
  }
}
