// A process that writes through @omni/sftp without end and is killed at some moment. Says on descriptor 3 what it begins and what was answered.
import { writeSync } from "node:fs";
import { OmniError } from "@omni/core";
import { type SftpOptions, sftp } from "@omni/sftp";
import { bodyOf, type Entry } from "./crash-content.ts";

const { options, seed } = JSON.parse(process.argv[2] ?? "") as { options: SftpOptions; seed: number };
const store = sftp(options);
let state = seed;
const random = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};
const say = (entry: Entry): void => {
  writeSync(3, `${JSON.stringify(entry)}\n`);
};

async function* inChunks(body: Buffer): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < body.byteLength; at += 20_000) yield body.subarray(at, at + 20_000);
}

async function stageAndCommit(path: string, id: string, body: Buffer): Promise<void> {
  const staged = await store.stage(path, inChunks(body));
  say({ say: "staged", path, id, token: staged.token });
  await staged.commit();
}

say({ say: "ready" });
for (let made = 1; ; made++) {
  const path = ["a", "b", "deep/er/c"][made % 3] as string;
  const id = `${seed}-${made}`;
  const body = bodyOf(id, 100 + Math.floor(random() * (random() < 0.2 ? 2_000_000 : 40_000)));
  say({ say: "begin", path, id });
  try {
    const kind = random();
    if (kind < 0.3) await store.write(path, body);
    else if (kind < 0.6) await store.write(path, inChunks(body));
    else if (kind < 0.9) await stageAndCommit(path, id, body);
    else {
      await store.delete(path);
      await store.write(path, body, { ifNoneMatch: "*" });
    }
    say({ say: "done", path, id });
  } catch (error) {
    if (!OmniError.is(error)) throw error;
    say({ say: "failed", path, id, reason: error.message });
  }
}
