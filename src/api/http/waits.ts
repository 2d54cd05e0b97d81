import type { FastifyReply } from "fastify";

/** The requests that are being answered, so that a stopping process can tell those that wait. */
export class Waits {
  private readonly open = new Set<AbortController>();
  private stopped = false;

  /** Aborted when the client goes away or `stop` is or was called. */
  createSignal(reply: FastifyReply): AbortSignal {
    const controller = new AbortController();
    // Who went before the answer was begun closes nothing any more; one whose body came while the api ends does not wait.
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
