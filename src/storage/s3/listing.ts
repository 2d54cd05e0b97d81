import type { Key } from "../key.js";
import { StorageFault } from "../ports.js";
import { readBody } from "./objects.js";
import type { Session } from "./session.js";

/** A page has at most 1,000 keys. No S3 server sends a larger response. */
const maxPageBytes = 8 * 1024 * 1024;

/**
 * Pages through ListObjectsV2. Requests the next page by the last key (`start-after`) rather than by the server's token, so that a page
 * can be repeated after a failure. Names are percent-encoded, because XML cannot represent every character.
 *
 * The pages are parsed here because the client's own listing turns the name `0123` into `123`.
 */
export async function* listKeys(session: Session, prefix: Key): AsyncGenerator<string> {
  for (let after: string | undefined; ; ) {
    const page = await readPage(session, prefix, after);
    const names = Array.from(page.matchAll(/<Key>([^<]*)<\/Key>/g), ([, name = ""]) => decodeURIComponent(name.replaceAll("+", " ")));
    for (const name of names) yield `${prefix.space}/${name}`;
    if (!page.includes("<IsTruncated>true</IsTruncated>")) return;
    if (names.length === 0 || names.at(-1) === after)
      throw new StorageFault("unavailable", prefix.full, `The object store's listing of ${prefix.full} makes no headway.`);
    after = names.at(-1);
  }
}

async function readPage(session: Session, prefix: Key, after: string | undefined): Promise<string> {
  const start = after === undefined ? {} : { "start-after": after };
  const form = new URLSearchParams({ "encoding-type": "url", "list-type": "2", prefix: prefix.rest, ...start });
  // The signature covers the percent-encoding of RFC 3986, which differs from that of forms.
  const query = form.toString().replaceAll("+", "%20").replaceAll("*", "%2A").replaceAll("%7E", "~");
  const page = await session.perform("read", prefix, [], async (client, bucketName) =>
    readBody(await client.makeRequestAsync({ method: "GET", bucketName, query }), maxPageBytes),
  );
  return String(page);
}
