/** One HTTP connection through the proxy: requests one after the other, each under its own fault. */
import type { Socket } from "node:net";
import type { Answer, Direction, Fault } from "./faults.ts";
import { ByteSource, type Head, keepsAlive, readBody, readHead, requestFraming, responseFraming } from "./framing.ts";
import { Cut, disturbed, type Gate, hangUp, type Lane, send, strike, strikes, wait } from "./wire.ts";

export interface HttpConnection {
  readonly client: Socket;
  /** Opens the connection to the target; called at the first request that is forwarded. */
  readonly connect: () => Promise<Socket>;
  readonly over: AbortSignal;
  readonly gate: Gate;
  /** Chooses the fault of a request. */
  readonly choose: (head: Head) => { readonly fault: Fault | undefined; readonly settle: (status: number | undefined) => void };
}

/** Serves requests until the client hangs up, a fault cuts the connection, or either side asks for its end. */
export async function serveHttp(connection: HttpConnection): Promise<void> {
  const { client } = connection;
  const requests = new ByteSource(connection.gate.through(client, connection.over));
  let target: { readonly socket: Socket; readonly responses: ByteSource } | undefined;
  try {
    for (let head = await readHead(requests); head; head = await readHead(requests)) {
      const { fault, settle } = connection.choose(head);
      let status: number | undefined;
      try {
        if (fault?.kind === "latency") await wait(fault.ms, connection.over);
        if (fault?.kind === "answer") {
          await answerAlone(client, requests, head, fault);
          continue;
        }
        const early = fault !== undefined && strikesFirst(fault, "request");
        if (early) await strike(fault, lane(connection, fault, "request"));
        if (!target) {
          const socket = await connection.connect();
          target = { socket, responses: new ByteSource(connection.gate.through(socket, connection.over)) };
        }
        const exchange = new Exchange(connection, early ? undefined : fault, head, requests, target.socket, target.responses);
        const reusable = await exchange.run();
        status = exchange.status;
        if (!reusable) return;
      } finally {
        settle(status);
      }
    }
  } catch (error) {
    if (!(error instanceof Cut) && !isBroken(error)) throw error;
  } finally {
    hangUp(client, "drop");
    target?.socket.destroy();
  }
}

/** A connection that broke is what this proxy is for; anything else is a mistake of its own. */
function isBroken(error: unknown): boolean {
  return error instanceof Error && (/^the connection ended/.test(error.message) || "syscall" in error);
}

function lane(connection: HttpConnection, fault: Fault | undefined, direction: Direction): Lane {
  return { fault, direction, client: connection.client, over: connection.over };
}

/** A cut or a stall without a number of bytes comes before the first byte of the message. */
function strikesFirst(fault: Fault, direction: Direction): boolean {
  return strikes(fault, direction) && fault.kind !== "slow" && "afterBytes" in fault === false;
}

async function answerAlone(client: Socket, requests: ByteSource, head: Head, answer: Answer): Promise<void> {
  // A client that waits for leave to send its body may get its answer at once; it then sends none.
  if (!/100-continue/i.test(head.headers.get("expect") ?? "")) for await (const _ of readBody(requests, requestFraming(head)));
  await send(client, Buffer.from(answerText(answer, head.words[0])));
  if (/100-continue/i.test(head.headers.get("expect") ?? "")) throw new Cut("answered before the body");
}

function answerText(answer: Answer, method: string): string {
  const body = answer.body ?? "";
  const headers = { "content-length": String(Buffer.byteLength(body)), ...answer.headers };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${answer.status} Injected\r\n${lines.join("")}\r\n${method === "HEAD" ? "" : body}`;
}

class Exchange {
  /** The target's own answer, once it has come. */
  status: number | undefined;
  readonly #connection: HttpConnection;
  readonly #fault: Fault | undefined;
  readonly #head: Head;
  readonly #requests: ByteSource;
  readonly #target: Socket;
  readonly #responses: ByteSource;

  constructor(
    connection: HttpConnection,
    fault: Fault | undefined,
    head: Head,
    requests: ByteSource,
    target: Socket,
    responses: ByteSource,
  ) {
    this.#connection = connection;
    this.#fault = fault;
    this.#head = head;
    this.#requests = requests;
    this.#target = target;
    this.#responses = responses;
  }

  /** Both directions at once: an answer, or leave to continue, may come before the request has ended. True when the connection can serve another. */
  async run(): Promise<boolean> {
    const forward = this.#forward();
    forward.catch(() => {}); // awaited below; the answer may fail first
    const response = await this.#answer();
    if (response === "unfinished") return false;
    await forward;
    return response === "reusable" && keepsAlive(this.#head);
  }

  async #forward(): Promise<void> {
    try {
      await send(this.#target, this.#head.raw);
      const body = readBody(this.#requests, requestFraming(this.#head));
      for await (const piece of disturbed(body, lane(this.#connection, this.#fault, "request"))) await send(this.#target, piece);
    } catch (error) {
      this.#target.destroy(); // half a request must not look like one that may still go on; the answering side ends with it
      throw error;
    }
  }

  async #answer(): Promise<"reusable" | "last" | "unfinished"> {
    const head = await this.#finalHead();
    if (!head) return "unfinished";
    this.status = Number(head.words[1]);
    const body = readBody(this.#responses, responseFraming(head, this.#head.words[0]));
    const fault = this.#fault;
    if (fault?.kind === "after-commit") return this.#replace(body, fault.then);
    const { client } = this.#connection;
    const early = fault !== undefined && strikesFirst(fault, "response");
    if (early) await strike(fault, lane(this.#connection, fault, "response"));
    await send(client, head.raw);
    for await (const piece of disturbed(body, lane(this.#connection, early ? undefined : fault, "response")))
      await send(client, piece);
    const framing = responseFraming(head, this.#head.words[0]);
    return framing.by !== "close" && keepsAlive(head) ? "reusable" : "last";
  }

  /** The head of the answer proper; leave to continue is passed on. */
  async #finalHead(): Promise<Head | undefined> {
    for (;;) {
      const head = await readHead(this.#responses);
      if (!head || Number(head.words[1]) >= 200) return head;
      await send(this.#connection.client, head.raw);
    }
  }

  async #replace(body: AsyncIterable<Buffer>, then: Answer | "reset" | "drop" | "stall"): Promise<"reusable"> {
    for await (const _ of body); // to its end: only then is the request known to be carried out
    const { client, over } = this.#connection;
    if (typeof then === "object") {
      await send(client, Buffer.from(answerText(then, this.#head.words[0])));
      return "reusable";
    }
    if (then === "stall") await wait(undefined, over);
    else hangUp(client, then);
    throw new Cut(then);
  }
}
