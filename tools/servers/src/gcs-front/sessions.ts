/**
 * Resumable uploads, by the rules of Cloud Storage (documentation page "Perform resumable uploads"). The server behind appends every
 * chunk wherever it begins, and takes the question "how far are you?" for the end of the upload; here offsets count.
 */

/** What is known of one upload session. */
export interface Session {
  received: number;
  readonly contentType?: string;
  /** The answer to the request that ended the upload; repeated to whoever asks again. */
  done?: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };
  /** One request at a time. */
  turn: Promise<void>;
}

export interface ContentRange {
  /** Absent in a status query, `bytes * / *`. */
  readonly start?: number;
  /** Absent in a stream of unknown length, `bytes 0-* / *`. */
  readonly end?: number;
  readonly total?: number;
}

/** Undefined for a header that is absent or no content range. */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  const match = /^bytes (?:(\d+)-(\d+|\*)|\*)\/(\d+|\*)$/.exec(header ?? "");
  if (!match) return undefined;
  const number = (text: string | undefined) => (text === undefined || text === "*" ? undefined : Number(text));
  const [start, end, total] = [number(match[1]), number(match[2]), number(match[3])];
  return {
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
    ...(total === undefined ? {} : { total }),
  };
}

export type Step =
  /** Answered from what is known: 308 with the bytes received so far. */
  | { readonly act: "report" }
  | { readonly act: "repeat" }
  /** Passed on without the first `skip` bytes, which the server has already. */
  | { readonly act: "forward"; readonly skip: number; readonly range: string | undefined };

/** What to do with one request of a session. */
export function nextStep(session: Session, header: string | undefined): Step {
  if (session.done) return { act: "repeat" };
  const range = parseContentRange(header);
  if (!range) return { act: "forward", skip: 0, range: header }; // the whole object in one request
  if (range.start === undefined) {
    const complete = range.total !== undefined && range.total === session.received;
    return complete ? { act: "forward", skip: 0, range: header } : { act: "report" };
  }
  if (range.start > session.received) return { act: "report" }; // a gap: the client is told where to go on
  const skip = session.received - range.start;
  if (range.end !== undefined && range.end + 1 <= session.received && range.total !== session.received) return { act: "report" };
  if (skip === 0) return { act: "forward", skip, range: header };
  return { act: "forward", skip, range: `bytes ${session.received}-${range.end ?? "*"}/${range.total ?? "*"}` };
}

/** The Range header of a 308: absent while nothing has been received. */
export function receivedHeader(session: Session): Record<string, string> {
  return session.received > 0 ? { range: `bytes=0-${session.received - 1}` } : {};
}
