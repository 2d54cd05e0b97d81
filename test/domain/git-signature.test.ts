import { expect, it } from "vitest";
import {
  formatSshPublicKey,
  joinSignedCommit,
  joinSignedTag,
  readSignerKeyId,
  signGitObject,
  splitSignedCommit,
  splitSignedTag,
  verifyGitSignature,
} from "../../src/domain/git/git-signature.js";
import { createTestKey } from "./samples.js";

const key = createTestKey();
const keys = { keys: [key.jwk] };
const commit = Buffer.from(
  `tree ${"a".repeat(40)}\nauthor A <a@example.org> 1 +0000\ncommitter A <a@example.org> 1 +0000\n\nA message\n\ngpgsig in it\n`,
);
const tag = Buffer.from(`object ${"a".repeat(40)}\ntype commit\ntag v1\ntagger A <a@example.org> 1 +0000\n\nNotes\n`);
const signedCommit = joinSignedCommit({ unsigned: commit, signature: signGitObject(commit, key) });
const signedTag = joinSignedTag({ unsigned: tag, signature: signGitObject(tag, key) });

it("signing the same object again yields the same bytes, so that a retry creates the same id", () => {
  expect(signGitObject(commit, key)).toBe(signGitObject(Buffer.from(commit), key));
  expect(signGitObject(commit, key)).not.toBe(signGitObject(tag, key));
});

it("a signed commit or tag splits into what was signed and the signature of its key", () => {
  for (const [unsigned, split] of [
    [commit, splitSignedCommit(signedCommit)],
    [tag, splitSignedTag(signedTag)],
  ] as const) {
    if (split === undefined) throw new Error("not signed");
    expect(split.unsigned.equals(unsigned)).toBe(true);
    expect(readSignerKeyId(split)).toBe(key.kid);
    expect(verifyGitSignature(split, keys)).toBe("valid");
    expect(verifyGitSignature(split, { keys: [createTestKey().jwk] })).toBe("key_unknown");
    expect(verifyGitSignature({ ...split, unsigned: Buffer.concat([unsigned, Buffer.from("!")]) }, keys)).toBe("signature_invalid");
  }
  expect(formatSshPublicKey(key.jwk)).toMatch(/^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}$/);
});

it("release notes that contain a signature do not replace the registry's", () => {
  const notes = joinSignedTag({ unsigned: tag, signature: signGitObject(tag, createTestKey()) });
  const signed = splitSignedTag(joinSignedTag({ unsigned: notes, signature: signGitObject(notes, key) }));
  expect(signed?.unsigned.equals(notes)).toBe(true);
  expect(signed && verifyGitSignature(signed, keys)).toBe("valid");
});

const replace = (from: string | RegExp, to: string) => Buffer.from(signedCommit.toString("latin1").replace(from, to), "latin1");

/** Changes a byte of the signature's blob before it is encoded. */
function changeBlob(at: number): Buffer {
  const [base64 = ""] = /(?<=SIGNATURE-----\n )[^-]+(?=\n )/.exec(signedCommit.toString("latin1")) ?? [];
  const blob = Buffer.from(base64, "base64");
  blob[at] = (blob[at] ?? 0) ^ 1;
  return replace(base64, (blob.toString("base64").match(/.{1,70}/g) ?? []).join("\n "));
}
/** The offset of the namespace: after the magic, the version and the public key. */
const NAMESPACE_AT = 6 + 4 + 4 + 51 + 4;

it.each([
  ["without a signature", commit],
  ["with a header after the signature", replace("\n\nA message", "\nx y\n\nA message")],
  ["with a second signature after the first", replace("\n\nA message", "\ngpgsig x\n\nA message")],
  ["whose signature is broken into other lines", replace("\n U1NI", "\n U1N\n I")],
  ["whose signature has another namespace", changeBlob(NAMESPACE_AT)],
  ["whose signature has another version", changeBlob(9)],
  ["with an OpenPGP signature", replace(/SSH SIGNATURE/g, "PGP SIGNATURE")],
  ["that is empty", Buffer.alloc(0)],
])("a commit %s has no signature of the registry", (_, bytes) => {
  expect(bytes.equals(signedCommit)).toBe(false);
  expect(splitSignedCommit(bytes)).toBeUndefined();
});

it("no change of a signed commit keeps its signature valid", () => {
  for (let at = 0; at < signedCommit.length; at++) {
    const changed = Buffer.from(signedCommit);
    changed[at] = (changed[at] ?? 0) ^ 1;
    const split = splitSignedCommit(changed);
    expect(split === undefined || verifyGitSignature(split, keys) !== "valid", `byte ${at}`).toBe(true);
  }
});
