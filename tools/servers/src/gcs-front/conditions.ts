/**
 * Preconditions on generation and metageneration, by the rules of Cloud Storage (documentation page "Request preconditions"). The server
 * behind evaluates them when an object is uploaded and nowhere else; here they are evaluated for reading, deleting, changing, rewriting
 * and composing.
 */

/** The parts of an object's state that conditions speak of. */
export interface ObjectState {
  readonly generation: string;
  readonly metageneration: string;
}

export interface Conditions {
  readonly generationMatch?: string;
  readonly generationNotMatch?: string;
  readonly metagenerationMatch?: string;
  readonly metagenerationNotMatch?: string;
}

const names = ["generationMatch", "generationNotMatch", "metagenerationMatch", "metagenerationNotMatch"] as const;

/** From the query (`ifGenerationMatch`; with prefix "Source" `ifSourceGenerationMatch`) or the XML API's headers. Undefined when there are none. */
export function conditionsOf(
  query: URLSearchParams,
  headers: Readonly<Record<string, unknown>> = {},
  prefix: "" | "Source" = "",
): Conditions | undefined {
  const found: Partial<Record<(typeof names)[number], string>> = {};
  for (const name of names) {
    const parameter = `if${prefix}${name[0]!.toUpperCase()}${name.slice(1)}`;
    const header = prefix ? undefined : headers[`x-goog-if-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`];
    const value = query.get(parameter) ?? (typeof header === "string" ? header : null);
    if (value !== null) found[name] = value;
  }
  return Object.keys(found).length > 0 ? found : undefined;
}

/** Undefined when the conditions hold, else the status to answer with. An absent object has no state. */
export function refusal(conditions: Conditions, state: ObjectState | undefined, reading: boolean): 304 | 412 | undefined {
  const { generationMatch, generationNotMatch, metagenerationMatch, metagenerationNotMatch } = conditions;
  const generation = state?.generation ?? "0"; // 0 stands for "no live object"
  if (generationMatch !== undefined && generationMatch !== generation) return 412;
  if (metagenerationMatch !== undefined && metagenerationMatch !== state?.metageneration) return 412;
  const unchanged =
    (generationNotMatch !== undefined && generationNotMatch === generation) ||
    (metagenerationNotMatch !== undefined && metagenerationNotMatch === state?.metageneration);
  if (unchanged) return reading ? 304 : 412;
  return undefined;
}
