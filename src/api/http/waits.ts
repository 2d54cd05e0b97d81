import type { FastifyReply } from "fastify";

/** The requests in progress, so that a stopping process can end their waits. */
export class Waits {
  private readonly open = new Set<AbortController>();
  private stopped = false;

  /** Creates a signal that aborts when the client disconnects or `stop` is called. */
  createSignal(reply: FastifyReply): AbortSignal {
    const controller = new AbortController();
    // A client that has already disconnected emits no close event; a request that arrives during the stop must not wait.
    if (reply.raw.destroyed || this.stopped) {
      controller.abort();
      return controller.signal;
    }
    this.open.add(controller);
    reply.raw.once("close", () => {
      this.open.delete(controller);
      controller.abort();
    });
    return controller.signal;
  }

  stop(): void {
    this.stopped = true;
    for (const controller of this.open) controller.abort();
  }
}
