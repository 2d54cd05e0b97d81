import type { GitKeys } from "../../domain/charter/keys.js";
import type { NewestCharter } from "./newest-charter.js";

/** Lists the keys by which a version of a charter recognises the registry's own commits and tags. */
export function listGitKeys(charter: Pick<NewestCharter, "list" | "listKeys">): GitKeys {
  const valid = charter.listKeys("git");
  const revoked = charter.list("key").flatMap(([, key]) => (key.use === "git" && key.revoked ? [key.jwk] : []));
  return { valid, known: { keys: [...valid.keys, ...revoked] } };
}
