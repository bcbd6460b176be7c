// Server-sent events: what changes is told to every page that is open. https://html.spec.whatwg.org/multipage/server-sent-events.html
import type { ServerResponse } from "node:http";
import type { CloudName } from "./clouds.ts";
import type { FileView } from "./files.ts";

export type FeedEvent =
  | { readonly type: "stored"; readonly file: FileView }
  | { readonly type: "deleted"; readonly id: string }
  | {
      readonly type: "moving";
      readonly id: string;
      readonly to: CloudName;
      readonly bytes: number;
      readonly totalBytes: number;
    }
  | { readonly type: "move-failed"; readonly id: string; readonly to: CloudName; readonly message: string };

export class Feed {
  readonly #listeners = new Set<ServerResponse>();

  /** Answers with the events from now on. A page that lost its connection asks for the whole list again, so that none need be kept. */
  open(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" });
    response.write("retry: 1000\n\n");
    this.#listeners.add(response);
    response.once("close", () => this.#listeners.delete(response));
  }

  send(event: FeedEvent): void {
    for (const response of this.#listeners) response.write(`data: ${JSON.stringify(event)}\n\n`);
  }

  close(): void {
    for (const response of this.#listeners) response.end();
  }
}
