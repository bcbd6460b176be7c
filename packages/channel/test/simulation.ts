import { type ChannelBackend, type ChannelOptions, channel } from "@omni/channel";
import type { ObjectWriter } from "@omni/core";
import { ChannelReader } from "../src/channel-reader.ts";
import type { Epoch } from "../src/epoch.ts";

/** One step of a run; numbers choose among what there is. */
export type Step =
  | { readonly do: "openWriter" | "openReader" | "delete"; readonly path: number }
  | { readonly do: "write"; readonly writer: number; readonly size: number }
  | { readonly do: "closeWriter" | "abortWriter"; readonly writer: number }
  | { readonly do: "next"; readonly reader: number; readonly calls: number }
  | { readonly do: "closeReader"; readonly reader: number }
  | { readonly do: "publish"; readonly path: number; readonly messages: number }
  | { readonly do: "broadcast"; readonly path: number }
  | { readonly do: "pause"; readonly turns: number };

const PATHS = ["a", "a/b"];

/** A message on its way, and what became of it. */
export interface Sent {
  readonly id: number;
  readonly sender: number;
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Absent where many took part: a broadcast. */
  readonly epoch: Epoch | undefined;
  /** Place of the call in the run. */
  readonly at: number;
  /** The writer had closed or its channel had ended when the message was sent. */
  readonly late: boolean;
  state: "waiting" | "accepted" | "refused";
}

/** A broadcast that a channel took. */
export interface Delivered {
  readonly id: number;
  readonly epoch: Epoch;
}

/** A reader, and what it got. */
export interface Got {
  readonly reader: ChannelReader;
  readonly path: string;
  readonly at: number;
  /** What a persistent channel had stored when it joined. */
  readonly stored: readonly number[];
  /** The answers to its calls, in the order of the calls. */
  readonly answers: (number | undefined)[];
  end: "open" | "clean" | "closed" | "failed";
  /** Bytes that are no message that was sent. */
  readonly strange: string[];
}

interface OpenWriter {
  readonly number: number;
  readonly path: string;
  readonly writer: ObjectWriter;
  readonly epoch: Epoch;
  closed: boolean;
}

/** Makes one run on a backend, keeps everything that was sent and received, and drains what is left. */
export class Simulation {
  readonly backend: ChannelBackend;
  readonly sent: Sent[] = [];
  readonly got: Got[] = [];
  readonly delivered: Delivered[] = [];
  /** Writes that still waited when all readers had read all. */
  stuckWrites = 0;
  readonly #persistent: boolean;
  readonly #byKey: Map<string, number> = new Map();
  /** What a persistent channel holds, in order. */
  readonly #stored: Map<string, number[]> = new Map();
  readonly #calls: Set<Promise<unknown>> = new Set();
  #writers: OpenWriter[] = [];
  #senders = 0;
  #at = 0;

  constructor(options: ChannelOptions) {
    this.backend = channel(options);
    this.#persistent = options.persistent ?? false;
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      this.#at++;
      await this.#make(step);
    }
    await this.#drain();
  }

  /** Calls that have not been answered. */
  get unanswered(): number {
    return this.#calls.size;
  }

  async #make(step: Step): Promise<void> {
    switch (step.do) {
      case "openWriter":
        return void this.#openWriter(pathOf(step.path));
      case "openReader":
        return void this.#openReader(pathOf(step.path));
      case "delete":
        this.#stored.delete(pathOf(step.path));
        return this.#watch(this.backend.delete(pathOf(step.path)));
      case "write":
        return this.#send(this.#writer(step.writer), step.size);
      case "closeWriter":
        return this.#close(this.#writer(step.writer));
      case "abortWriter":
        return this.#abort(this.#writer(step.writer));
      case "next": {
        const got = this.#reader(step.reader);
        for (let i = 0; i < step.calls; i++) this.#next(got);
        return;
      }
      case "closeReader": {
        const got = this.#reader(step.reader);
        if (got.end === "open") got.end = "closed";
        return this.#watch(got.reader.return());
      }
      case "publish":
        return this.#publish(pathOf(step.path), step.messages);
      case "broadcast":
        return this.#broadcast(pathOf(step.path));
      case "pause":
        if (step.turns === 0) return new Promise((resolve) => setImmediate(resolve));
        for (let i = 0; i < step.turns; i++) await undefined;
    }
  }

  #openWriter(path: string): OpenWriter {
    const writer = this.backend.createWriter(path);
    const open = { number: this.#senders++, path, writer, epoch: this.#epochAt(path), closed: false };
    this.#writers.push(open);
    return open;
  }

  /** Mostly a writer that is open, opened where there is none; now and then one that is closed. */
  #writer(choice: number): OpenWriter {
    const from = choice % 12 === 0 ? this.#writers : this.#writers.filter(({ closed, epoch }) => !closed && epoch.isOpen);
    return from[choice % from.length] ?? this.#openWriter(pathOf(choice));
  }

  #reader(choice: number): Got {
    const from = choice % 12 === 0 ? this.got : this.got.filter(({ end }) => end === "open");
    return from[choice % from.length] ?? this.#openReader(pathOf(choice));
  }

  #openReader(path: string): Got {
    const reader = new ChannelReader(this.backend.driver.table.open(path), undefined);
    const got: Got = {
      reader,
      path,
      at: this.#at,
      stored: [...(this.#stored.get(path) ?? [])],
      answers: [],
      end: "open",
      strange: [],
    };
    this.got.push(got);
    return got;
  }

  #send({ number, path, writer, epoch, closed }: OpenWriter, size: number): void {
    const sent = this.#message(number, path, epoch, size, closed || !epoch.isOpen);
    const scratch = Uint8Array.from(sent.bytes);
    // A persistent channel takes a message in at once or never.
    if (this.#persistent && epoch.isOpen && !closed) this.#store(path, sent.id);
    this.#settle(sent, writer.write(scratch));
    // The channel copies: what the caller does with the bytes later is not its concern, once the write has been made.
    scratch.fill(0);
  }

  #message(sender: number, path: string, epoch: Epoch | undefined, size: number, late = false): Sent {
    const id = this.sent.length;
    const bytes = Buffer.from(`${id}:${"x".repeat(size)};`);
    const sent: Sent = { id, sender, path, bytes, epoch, at: this.#at, late, state: "waiting" };
    this.sent.push(sent);
    this.#byKey.set(bytes.toString(), id);
    return sent;
  }

  #settle(sent: Sent, answer: Promise<unknown>): void {
    this.#watch(
      answer.then(
        () => {
          sent.state = "accepted";
        },
        () => {
          sent.state = "refused";
        },
      ),
    );
  }

  #store(path: string, id: number): void {
    const stored = this.#stored.get(path) ?? [];
    stored.push(id);
    this.#stored.set(path, stored);
  }

  #close(open: OpenWriter): void {
    open.closed = true;
    this.#watch(open.writer.close());
  }

  #abort(open: OpenWriter): void {
    const { path, writer, epoch } = open;
    open.closed = true;
    const wasOpen = epoch.isOpen;
    this.#watch(writer.abort(new Error("given up")));
    if (!wasOpen || epoch.isOpen) return;
    const withdrawn = new Set(this.sent.filter((sent) => sent.epoch === epoch).map(({ id }) => id));
    this.#stored.set(
      path,
      (this.#stored.get(path) ?? []).filter((id) => !withdrawn.has(id)),
    );
  }

  #publish(path: string, messages: number): void {
    const number = this.#senders++;
    const parts = Array.from({ length: messages }, () => this.#message(number, path, undefined, 1));
    const answer = this.backend.write(
      path,
      parts.map(({ bytes }) => bytes),
    );
    this.#watch(
      answer.then(
        () => {
          for (const part of parts) part.state = "accepted";
        },
        () => {
          for (const part of parts) part.state = "refused";
        },
      ),
    );
  }

  #broadcast(prefix: string): void {
    const number = this.#senders++;
    const { id, bytes } = this.#message(number, prefix, undefined, 2);
    const epochs = new Map(PATHS.map((path) => [path, this.#epochAt(path)]));
    this.#watch(
      this.backend.broadcast(prefix, bytes).then(({ outcomes }) => {
        for (const { member, state } of outcomes)
          if (state === "delivered") this.delivered.push({ id, epoch: epochs.get(member) as Epoch });
      }),
    );
  }

  #next(got: Got): void {
    const call = got.answers.push(undefined) - 1;
    const answer = got.reader.next().then(
      (step) => {
        if (step.done) got.end = got.end === "open" ? "clean" : got.end;
        else {
          const text = Buffer.from(step.value).toString();
          const id = this.#byKey.get(text);
          if (id === undefined) got.strange.push(text);
          else got.answers[call] = id;
        }
      },
      () => {
        got.end = "failed";
      },
    );
    this.#watch(answer);
  }

  /** Closes every writer, reads every reader to its end, and then all that is left. */
  async #drain(): Promise<void> {
    this.#at++;
    for (const open of this.#writers) this.#close(open);
    await this.#readOut();
    for (const path of PATHS)
      for (let reader = 0; this.#hasMore(path); reader++) {
        if (reader > this.sent.length)
          throw new Error(`${path} is not drained after ${reader} readers: ${JSON.stringify(this.#state(path))}`);
        this.#openReader(path);
        await this.#readOut();
      }
    for (const path of PATHS) this.stuckWrites += this.backend.driver.table.find(path)?.waiting.writes ?? 0;
    await this.backend.close();
    await turn();
  }

  #hasMore(path: string): boolean {
    const held = this.backend.driver.table.find(path);
    if (!held || (held.current && held.population.writers === 0)) return false;
    // A persistent channel is never drained: one reader to its end is enough.
    return !this.#persistent || !this.got.some((got) => got.path === path && got.end === "clean" && got.at === this.#at);
  }

  #state(path: string): unknown {
    const held = this.backend.driver.table.find(path);
    return { ...held?.population, ...held?.waiting, messages: held?.ring.length, isOpen: held?.current !== undefined };
  }

  /** All readers take what there is, until each has ended or waits. */
  async #readOut(): Promise<void> {
    for (let ready = this.#ready(); ready.length > 0; ready = this.#ready()) {
      for (const got of ready) this.#next(got);
      await turn();
    }
  }

  #ready(): Got[] {
    return this.got.filter(({ end, reader }) => end === "open" && reader.waiting === 0);
  }

  #epochAt(path: string): Epoch {
    return this.backend.driver.table.find(path)?.current as Epoch;
  }

  #watch(call: Promise<unknown>): void {
    const settled = call
      .catch(() => {})
      .then(() => {
        this.#calls.delete(settled);
      });
    this.#calls.add(settled);
  }
}

function pathOf(choice: number): string {
  return PATHS[choice % PATHS.length] as string;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
