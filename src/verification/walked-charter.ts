import type { SigningUse } from "../decision/charter/key-history.js";
import { type CharterSources, listPolicyCodes } from "../decision/charter/named-policies.js";
import type { NewestCharter } from "../decision/charter/newest-charter.js";
import { CharterWalk } from "../decision/charter/walk.js";
import { PolicyMissing, StoredPolicies } from "../decision/policy/stored-policies.js";
import type { PlannedChange } from "../domain/act/plan.js";
import { type PublicJwk, type SignedKind, verifySignedObject } from "../domain/bytes/signature.js";
import type { CharterChange } from "../domain/charter/change.js";
import { grantValue } from "../domain/denial.js";
import { toCharterKey } from "../domain/storage-key.js";
import type { EvidenceFiles } from "./evidence-files.js";
import { failAt, requireThat } from "./failure.js";

/** A signed object that names its key and the version of the charter in which the key is valid. */
interface SignedAtVersion {
  readonly kid: string;
  readonly sig: string;
  readonly charter_version: number;
}

/** The keys that sign commits and tags in one version of a charter. */
export interface GitKeysAtVersion {
  readonly version: number;
  findGitKey(kid: string): PublicJwk | undefined;
}

/** A tenant's charter, walked from its founding key to the newest version among the files. */
export class WalkedCharter {
  readonly #versions = new Map<number, CharterWalk>();

  private constructor(
    private readonly files: EvidenceFiles,
    private readonly sources: CharterSources,
    readonly walk: CharterWalk,
  ) {}

  /**
   * Walks a charter from its founding key. `operator` is the operator's charter, which lists the rules of policies; without it, the charter's own
   * list counts, as that of the operator does.
   *
   * @throws VerificationFailure that names the first entry that does not hold or is missing
   */
  static async walk(files: EvidenceFiles, tenantId: string, foundingJwk: PublicJwk, operator?: WalkedCharter): Promise<WalkedCharter> {
    const policies = StoredPolicies.openStore(files.store);
    const sources: CharterSources = {
      readPolicy: policies.readPolicyByHash,
      readPolicyParts: policies.readPolicyParts,
      readPolicyCodes: operator === undefined ? null : async () => grantValue(listPolicyCodes(operator.walk.state)),
    };
    const walk = new CharterWalk(tenantId, foundingJwk, sources);
    const walked = await nameMissingPolicy(() => walk.advance((version) => files.find(toCharterKey(tenantId, version))));
    const next = toCharterKey(tenantId, walk.version + 1);
    if (!walked.ok) failAt(next, "", walked.denial.message);
    const later = (await files.list(`charter/${tenantId}/`)).find((key) => toVersion(key) > walk.version);
    requireThat(later === undefined, next, "", `It is missing, although ${later} is there.`);
    return new WalkedCharter(files, sources, walk);
  }

  /** Returns the charter as it was at a version that the file `about` names. @throws VerificationFailure if it has no such version */
  async at(version: number, about: string): Promise<NewestCharter> {
    this.#requireVersion(version, about);
    return (await this.#open(version)).newest;
  }

  /** Plans a change on the charter as it was at a version. @throws VerificationFailure if that version allows no such change */
  async planAt(version: number, change: CharterChange): Promise<PlannedChange> {
    const { tenantId } = this.walk;
    const walk = await this.#open(version);
    const next = await nameMissingPolicy(() => walk.planNext(change));
    return next.ok ? next.value.planned : failAt(toCharterKey(tenantId, version), "", next.denial.message);
  }

  /** Walks the charter again as far as a version. */
  async #open(version: number): Promise<CharterWalk> {
    const { tenantId, foundingJwk } = this.walk;
    const known = this.#versions.get(version) ?? new CharterWalk(tenantId, foundingJwk, this.sources);
    this.#versions.set(version, known);
    const walked = await known.advance(async (n) => (n > version ? undefined : this.files.find(toCharterKey(tenantId, n))));
    return walked.ok ? known : failAt(toCharterKey(tenantId, version), "", walked.denial.message);
  }

  #requireVersion(version: number, about: string): void {
    const { tenantId, version: newest } = this.walk;
    requireThat(
      version <= newest,
      about,
      "charter_version",
      `It names version ${version} of the charter, and ${toCharterKey(tenantId, newest + 1)} is missing.`,
    );
  }

  /** Checks that a receipt key that is valid in the version that the object names signed it. @throws VerificationFailure */
  checkRunnerSignature(kind: SignedKind, object: SignedAtVersion, file: string): void {
    const { kid, charter_version } = object;
    this.#requireVersion(charter_version, file);
    const jwk =
      this.findKey(kid, "receipt", charter_version) ??
      failAt(file, "kid", `${kid} is not a valid receipt key in version ${charter_version} of the charter.`);
    const verdict = verifySignedObject(kind, object, { keys: [jwk] });
    requireThat(verdict === "valid", file, "sig", "The signature does not match: the file was changed after signing, or forged.");
  }

  /** Returns the git keys of a version that the file `about` names. @throws VerificationFailure if the charter has no such version */
  gitKeysAt(version: number, about: string): GitKeysAtVersion {
    this.#requireVersion(version, about);
    return { version, findGitKey: (kid) => this.findKey(kid, "git", version) };
  }

  findKey(kid: string, use: SigningUse, version: number): PublicJwk | undefined {
    return this.walk.keys.findAt(kid, use, version);
  }
}

async function nameMissingPolicy<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof PolicyMissing)) throw error;
    return failAt(error.message.split(" ", 1)[0] ?? "", "", "It is missing.");
  }
}

function toVersion(key: string): number {
  return Number(/\/([1-9][0-9]*)\.json$/.exec(key)?.[1] ?? 0);
}
