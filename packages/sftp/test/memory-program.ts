// Writes a large stream in a process of its own and prints what it took of memory as JSON.
import { type SftpOptions, sftp } from "@omni/sftp";
import { uploadMemory } from "@omni/store-trials";

const { options, sizeBytes, chunkLengths } = JSON.parse(process.argv[2] ?? "") as {
  options: SftpOptions;
  sizeBytes: number;
  chunkLengths: readonly number[];
};
const store = sftp(options);
process.stdout.write(JSON.stringify(await uploadMemory(store, sizeBytes, chunkLengths)));
await store.close();
