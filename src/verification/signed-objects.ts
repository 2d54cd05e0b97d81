import { ZERO_ID } from "../domain/git/git-id.js";
import { readSignerKeyId, splitSignedCommit, splitSignedTag, verifyGitSignature } from "../domain/git/git-signature.js";
import { parseCommitLinks } from "../repository/objects/object-text.js";
import type { OpenRepository } from "../repository/open-repository.js";
import { failAt } from "./failure.js";
import type { GitKeysAtVersion } from "./walked-charter.js";

/** The objects that an act made, from the newest back along the first parents. */
export interface MadeObjects {
  readonly tip: string;
  readonly count: number;
}

/**
 * Verifies that a git key of the charter signed each of these objects. Returns how to sign an object that is made again: with the signature
 * of the stored object of the same content, or with none. @throws VerificationFailure that names the object
 */
export async function readSignatures(
  repository: OpenRepository,
  { tip, count }: MadeObjects,
  keys: GitKeysAtVersion,
  file: string,
): Promise<(unsigned: Uint8Array) => string | undefined> {
  const signatures = new Map<string, string>();
  let id = tip;
  for (let left = count; left > 0 && id !== ZERO_ID; left--) {
    const object = (await repository.getReader().read(id)) ?? failAt(file, "", `Object ${id} is missing.`);
    const name = `${object.type} ${id}`;
    const split = object.type === "tag" ? splitSignedTag : splitSignedCommit;
    const signed =
      split(object.bytes) ?? failAt(file, "", `The ${name}, which the receipt says that the act made, has no signature of the registry.`);
    const kid = readSignerKeyId(signed);
    const jwk =
      keys.findGitKey(kid) ??
      failAt(file, "", `The ${name} is signed by the key ${kid}, which is not a valid git key in ${keys.described}.`);
    if (verifyGitSignature(signed, { keys: [jwk] }) !== "valid") failAt(file, "", `The signature of the ${name} does not match.`);
    signatures.set(signed.unsigned.toString("latin1"), signed.signature);
    id = object.type === "commit" ? (parseCommitLinks(object.bytes).parents[0] ?? ZERO_ID) : ZERO_ID;
  }
  return (unsigned) => signatures.get(Buffer.from(unsigned).toString("latin1"));
}
