/** Whether a version like `2.10.4` is at least another; a suffix (`-preview.1`) does not count. */
export function isAtLeast(version: string, least: string): boolean {
  const given = numbersOf(version);
  for (const [i, wanted] of numbersOf(least).entries()) {
    const part = given[i] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}

function numbersOf(version: string): number[] {
  return version.split("-", 1).join().split(".").map(Number);
}
