import type { DriverPublishOptions } from "./driver.ts";

/**
 * Tells once when a publish is given up, with the reason; at once where it has been. Asks for no signal where the caller can tell without one:
 * most publishes end well, and would have made it, and listened to it, for nothing.
 *
 * @returns takes the listener away
 */
export function whenAborted(options: DriverPublishOptions, tell: (reason: unknown) => void): () => void {
  if (options.onAbort) {
    let isWanted = true;
    options.onAbort((reason) => isWanted && tell(reason));
    return () => {
      isWanted = false;
    };
  }
  const { signal } = options;
  if (!signal) return () => undefined;
  const listen = (): void => tell(signal.reason);
  if (signal.aborted) listen();
  else signal.addEventListener("abort", listen, { once: true });
  return () => signal.removeEventListener("abort", listen);
}
