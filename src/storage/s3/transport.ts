import type * as http from "node:http";
import { TLSSocket } from "node:tls";

/** A slower transfer counts as a hang. */
const minBytesPerMs = 256;

/** How long a held body waits for the server's `100 Continue` before it is sent anyway (RFC 9110 §10.1.1). */
const continueWaitMs = 1_000;

/** The client's transport for one request. Limits its duration by the bytes it carries, and records what the client does not report. */
export class Exchange {
  /** False only while certainly no byte of the request has left this machine. */
  isSent = false;
  answer: http.IncomingMessage | undefined;
  #releaseBody: (() => void) | undefined;

  constructor(
    private readonly transport: Pick<typeof http, "request">,
    private readonly limitMs: number,
    private readonly bodyBytes: number,
  ) {}

  /** Returns the status of an error response, or `undefined` if there was no usable response. */
  get refusedStatus(): number | undefined {
    return this.answer?.statusCode === 200 ? undefined : this.answer?.statusCode;
  }

  /** Makes the request ask the server before sending its body, so that a body that the server refuses is not sent. */
  awaitConsent(): Promise<void> {
    return new Promise((resolve) => (this.#releaseBody = resolve));
  }

  /** Like `http.request` with options and a callback, the only form that the client uses. */
  request(options: http.RequestOptions | string | URL, onAnswer?: http.RequestOptions | ((answer: http.IncomingMessage) => void)) {
    if (typeof options !== "object" || options instanceof URL || typeof onAnswer !== "function")
      throw new TypeError("the transport takes options and a callback");
    // The agent's idle limit does not apply while a request is in progress.
    const outgoing = this.transport.request({ ...options, timeout: 0 });
    outgoing.once("socket", (socket) => {
      this.isSent = outgoing.reusedSocket;
      // A request may be sent once the connection, and with TLS its handshake, is complete.
      if (!this.isSent) socket.once(socket instanceof TLSSocket ? "secureConnect" : "connect", () => (this.isSent = true));
    });
    const extendLimit = this.#startLimit(outgoing);
    if (this.#releaseBody !== undefined) askForConsent(outgoing, this.#releaseBody);
    outgoing.once("response", (answer) => {
      this.answer = answer;
      extendLimit(Number(answer.headers["content-length"] ?? 0) / minBytesPerMs);
      // A response before the end of the body leaves a connection that cannot be reused.
      answer.once("end", () => outgoing.writableFinished || outgoing.destroy());
      onAnswer(answer);
    });
    return outgoing;
  }

  #startLimit(outgoing: http.ClientRequest): (moreMs: number) => void {
    let allowedMs = 0;
    let timer: NodeJS.Timeout | undefined;
    const expire = () => (this.answer ?? outgoing).destroy(new Error(`there was no complete response within ${allowedMs} ms`));
    const extendLimit = (moreMs: number): void => {
      allowedMs += Math.ceil(moreMs);
      clearTimeout(timer);
      timer = setTimeout(expire, allowedMs);
    };
    extendLimit(this.limitMs + this.bodyBytes / minBytesPerMs);
    outgoing.once("close", () => clearTimeout(timer));
    return extendLimit;
  }
}

function askForConsent(outgoing: http.ClientRequest, release: () => void): void {
  const timer = setTimeout(release, continueWaitMs);
  for (const event of ["response", "close"]) outgoing.once(event, () => clearTimeout(timer));
  for (const event of ["continue", "close"]) outgoing.once(event, release);
  outgoing.setHeader("expect", "100-continue");
  outgoing.flushHeaders();
}
