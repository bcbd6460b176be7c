/**
 * Works on items side by side and gives the results in the order of the items; so many are under way at most.
 *
 * @param items ended when the iteration is
 */
export async function* inOrder<T, R>(
  items: AsyncIterable<T>,
  concurrency: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void> {
  const under: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const result = work(item);
      // Who leaves early does not hear of it; who stays gets it from the result itself.
      result.catch(() => {});
      under.push(result);
      if (under.length >= concurrency) yield await (under.shift() as Promise<R>);
    }
    while (under.length > 0) yield await (under.shift() as Promise<R>);
  } finally {
    await Promise.allSettled(under);
  }
}
