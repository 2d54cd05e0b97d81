import type { GitKeys } from "../../domain/charter/keys.js";
import type { NewestCharter } from "./newest-charter.js";

/** Lists the keys by which a version of a charter recognises the registry's own commits and tags. */
export function listGitKeys(charter: Pick<NewestCharter, "listKeys" | "listKnownKeys">): GitKeys {
  return { valid: charter.listKeys("git"), known: charter.listKnownKeys("git") };
}
