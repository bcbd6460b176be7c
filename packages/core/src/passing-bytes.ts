const HURRY_EVERY_BYTES = 8 * 1024 * 1024;
// More than any C library takes from its heap (glibc's M_MMAP_THRESHOLD ends at 32 MiB): pages that nobody touches are never resident.
const BALLAST_BYTES = 33 * 1024 * 1024;

// What a chunk takes of V8's heap beside its bytes on its way through an iterator or two: promises, results, the view. Small chunks are mostly that.
const CHUNK_BYTES = 1280;

let sinceHurried = 0;

/**
 * Tells that so many bytes of chunks passed through this process and are garbage from now on. For drivers whose bodies come from a network.
 *
 * V8 lets up to 64 MiB of such buffers lie before it collects them (twice the largest semi-space; `Heap::AllocateExternalBackingStore`). Every 8 MiB
 * something is allocated that counts towards that and is never resident, so that the collection comes after some 16 MiB.
 */
export function countPassingBytes(bytes: number): void {
  sinceHurried += bytes + CHUNK_BYTES;
  if (sinceHurried < HURRY_EVERY_BYTES) return;
  sinceHurried = 0;
  try {
    // It is zero again. Bundlers leave out an allocation whose value nobody takes.
    sinceHurried = BALLAST_BYTES - new ArrayBuffer(BALLAST_BYTES).byteLength;
  } catch {
    // There is no address space to spare: the collection comes when V8 wants it.
  }
}
