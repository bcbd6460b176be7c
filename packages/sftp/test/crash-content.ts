/** What the writing process says. */
export type Entry =
  | { readonly say: "ready" }
  | { readonly say: "begin" | "done"; readonly path: string; readonly id: string }
  | { readonly say: "staged"; readonly path: string; readonly id: string; readonly token: string }
  | { readonly say: "failed"; readonly path: string; readonly id: string; readonly reason: string };

/** A body that says who it is and how long, and of which every byte can be told. */
export function bodyOf(id: string, bytes: number): Buffer {
  const head = `${id} ${bytes}\n`;
  return Buffer.concat([Buffer.from(head), Buffer.alloc(bytes, `${id}|`)]);
}

/** The id of a whole body; `undefined` for one that is torn, mixed or short. */
export function idOf(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes);
  const [id = "", length = ""] = text.subarray(0, text.indexOf("\n")).toString("latin1").split(" ");
  return /^\d+-\d+$/.test(id) && text.equals(bodyOf(id, Number(length))) ? id : undefined;
}
