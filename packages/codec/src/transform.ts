/** Turns one stream into another, lazily: nothing is taken from the source before something is asked of the result. */
export type Transform<A, B = A> = (source: AsyncIterable<A> | Iterable<A>) => AsyncIterable<B>;

/** A transform of bytes. */
export type ByteTransform = Transform<Uint8Array>;

/**
 * Sends a source through transforms, in their order. An error on the way ends the whole; who stops taking ends the source.
 *
 * @example
 * await backend.write("log.ndjson.gz", pipe(events, ndjson().encode, gzip()));
 */
export function pipe<A, B>(source: AsyncIterable<A> | Iterable<A>, first: Transform<A, B>): AsyncIterable<B>;
export function pipe<A, B, C>(
  source: AsyncIterable<A> | Iterable<A>,
  first: Transform<A, B>,
  second: Transform<B, C>,
): AsyncIterable<C>;
export function pipe<A, B, C, D>(
  source: AsyncIterable<A> | Iterable<A>,
  first: Transform<A, B>,
  second: Transform<B, C>,
  third: Transform<C, D>,
): AsyncIterable<D>;
export function pipe<A, B, C, D, E>(
  source: AsyncIterable<A> | Iterable<A>,
  first: Transform<A, B>,
  second: Transform<B, C>,
  third: Transform<C, D>,
  fourth: Transform<D, E>,
): AsyncIterable<E>;
export function pipe(source: Stream, ...transforms: readonly Transform<never, unknown>[]): AsyncIterable<never> {
  return transforms.reduce<Stream>(
    (stream, transform) => transform(stream as AsyncIterable<never>),
    source,
  ) as AsyncIterable<never>;
}

type Stream = AsyncIterable<unknown> | Iterable<unknown>;
