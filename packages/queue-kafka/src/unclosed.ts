/** Whether a queue is in use. */
export interface Use {
  begin(): void;
  end(): void;
}

/**
 * A process that has nothing left to do ends, whether its queue was closed or not: publishers' connections do not keep it alive. It says so, because
 * what was not awaited is lost. A consumer keeps its process alive, as a server does.
 *
 * @param name of the brokers
 * @param consumers what keeps the process alive
 */
export function warnWhenNotClosed(name: string, consumers: { readonly size: number }): Use {
  let used = false;
  const warn = (): void => {
    if (consumers.size > 0) return;
    process.emitWarning(`the queue on ${name} was never closed: call close() when the last message was published`, {
      type: "OmniWarning",
      code: "OMNI_QUEUE_NOT_CLOSED",
    });
  };
  return {
    begin() {
      if (used) return;
      used = true;
      process.once("beforeExit", warn);
    },
    end() {
      used = false;
      process.off("beforeExit", warn);
    },
  };
}
