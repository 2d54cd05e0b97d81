import type { Key } from "../key.js";
import { StorageFault } from "../ports.js";
import { readText, unescapeXml, xmlText } from "./answers.js";
import type { Session } from "./session.js";

/**
 * Pages through ListObjectsV2. The next page is asked for by the last key (`start-after`) and not by the server's
 * token, so a page can be repeated after a failure. Names come percent-encoded, since XML cannot hold every character.
 */
export async function* listKeys(session: Session, prefix: Key): AsyncGenerator<string> {
  let after: string | undefined;
  for (;;) {
    const page: string = await listPage(session, prefix, after);
    const names = Array.from(page.matchAll(/<Key>([^<]*)<\/Key>/g), (found) => decodeName(found[1] ?? ""));
    for (const name of names) {
      yield `${prefix.space}/${name}`;
    }
    if (xmlText(page, "IsTruncated") !== "true") {
      return;
    }
    const last = names.at(-1);
    if (last === undefined || last === after) {
      throw new StorageFault("unavailable", prefix.full, `The object store's listing of ${prefix.full} makes no headway.`);
    }
    after = last;
  }
}

async function listPage(session: Session, prefix: Key, after: string | undefined): Promise<string> {
  const outcome = await session.read({
    target: { key: prefix.full, space: prefix.space },
    method: "GET",
    query: {
      "encoding-type": "url",
      "list-type": "2",
      prefix: prefix.rest,
      ...(after === undefined ? {} : { "start-after": after }),
    },
    answers: [],
    receive: readText,
  });
  return outcome.ok ? outcome.value : "";
}

function decodeName(encoded: string): string {
  return decodeURIComponent(unescapeXml(encoded).replaceAll("+", " "));
}
