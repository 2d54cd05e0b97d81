import { createReadStream } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { text } from "node:stream/consumers";

/** How much of a file is read and sent at a time. */
const PIECE_BYTES = 1024 * 1024;

/** A file to send as the body of a request. */
export interface FileBody {
  readonly path: string;
  readonly sizeBytes: number;
}

/**
 * Sends a file. Returns the answer. `fetch` would pass the file in small pieces through several streams, which takes longer than sending
 * it. Uses its own connection, because a partly sent body cannot be sent again.
 *
 * @throws the reason of `signal`; an error with the system's code if the server is unreachable
 */
export async function uploadFile(
  url: URL,
  file: FileBody,
  { method, headers, signal }: { readonly method: string; readonly headers: Record<string, string>; readonly signal: AbortSignal },
): Promise<{ status: number; text: string; retryAfter: string | undefined }> {
  const source = createReadStream(file.path, { highWaterMark: PIECE_BYTES });
  const transport = url.protocol === "https:" ? https : http;
  // Keep-alive, so that a server that refuses early does not hang up before its answer is read.
  const agent = new transport.Agent({ keepAlive: true });
  const sent = { ...headers, "content-length": String(file.sizeBytes) };
  const outgoing = transport.request(url, { method, headers: sent, agent, signal });
  try {
    const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
      // A server may answer before it has read everything; the rest then does not matter.
      outgoing.on("response", resolve).on("error", reject);
      source.on("error", reject).pipe(outgoing);
    });
    return { status: answer.statusCode ?? 0, text: await text(answer), retryAfter: answer.headers["retry-after"] };
  } catch (error) {
    // Node reports every signal as an abort; the signal's reason tells why.
    signal.throwIfAborted();
    throw error;
  } finally {
    source.destroy();
    outgoing.destroy();
    agent.destroy();
  }
}
