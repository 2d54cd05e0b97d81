import type { CharterSources } from "../decision/charter/named-policies.js";
import type { NewestCharter } from "../decision/charter/newest-charter.js";
import { CharterWalk } from "../decision/charter/walk.js";
import { PolicyMissing, StoredPolicies } from "../decision/policy/stored-policies.js";
import type { PlannedChange } from "../domain/act/plan.js";
import { type PublicJwk, type SignedKind, verifySignedObject } from "../domain/bytes/signature.js";
import type { CharterChange } from "../domain/charter/change.js";
import { charterEntrySchema } from "../domain/charter/entry.js";
import { type CharterVersions, pickOperatorVersion } from "../domain/charter/versions.js";
import { grantValue } from "../domain/denial.js";
import { toCharterKey } from "../domain/storage-key.js";
import type { EvidenceFiles } from "./evidence-files.js";
import { failAt, requireThat } from "./failure.js";

/** A signed object that names its key and the versions of the charters in which the key is valid. */
interface SignedAtVersion extends CharterVersions {
  readonly kid: string;
  readonly sig: string;
}

/** The keys that sign commits and tags in one version of a charter. */
export interface GitKeysAtVersion {
  /** `version 3 of the charter`. */
  readonly described: string;
  findGitKey(kid: string): PublicJwk | undefined;
}

/** A tenant's charter, walked from its founding key to the newest version among the files. */
export class WalkedCharter {
  readonly #versions = new Map<number, CharterWalk>();

  private constructor(
    private readonly files: EvidenceFiles,
    private readonly sources: CharterSources,
    readonly walk: CharterWalk,
    private readonly operator: WalkedCharter | undefined,
  ) {}

  /**
   * Walks a charter from its founding key. `operator` is the operator's charter, with the rules of policies and the keys that count for
   * the tenant; without it, the charter's own count, as those of the operator do.
   *
   * @throws VerificationFailure that names the first entry that does not hold or is missing
   */
  static async walk(files: EvidenceFiles, tenantId: string, foundingJwk: PublicJwk, operator?: WalkedCharter): Promise<WalkedCharter> {
    const policies = StoredPolicies.openStore(files.store);
    const sources: CharterSources = {
      readPolicy: policies.readPolicyByHash,
      readPolicyParts: policies.readPolicyParts,
      readOperator: operator === undefined ? null : async () => grantValue(operator.walk.operatorCharter),
    };
    const walk = new CharterWalk(tenantId, foundingJwk, sources);
    const walked = await nameMissingPolicy(() => walk.advance((version) => files.find(toCharterKey(tenantId, version))));
    const next = toCharterKey(tenantId, walk.version + 1);
    if (!walked.ok) failAt(next, "", walked.denial.message);
    const later = (await files.list(`charter/${tenantId}/`)).find((key) => toVersion(key) > walk.version);
    requireThat(later === undefined, next, "", `It is missing, although ${later} is there.`);
    return new WalkedCharter(files, sources, walk, operator);
  }

  /** Returns the charter as it was at versions that the file `about` names. @throws VerificationFailure if there are no such versions */
  async at(versions: CharterVersions, about: string): Promise<NewestCharter> {
    this.#requireVersions(versions, about);
    const charter = (await this.#open(versions.charter_version)).newestAt(versions.operator_version);
    return charter.ok ? charter.value : failAt(about, "operator_version", `Of it, ${charter.denial.message}`);
  }

  /** Returns the versions by which the entry of `version` was judged. */
  async readVersionsBefore(version: number): Promise<CharterVersions> {
    const { authority } = await this.files.readJson(toCharterKey(this.walk.tenantId, version), charterEntrySchema);
    return { charter_version: version - 1, ...(authority.kind === "founding" ? {} : pickOperatorVersion(authority)) };
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

  #requireVersions({ charter_version, operator_version }: CharterVersions, about: string): void {
    this.#requireVersion(charter_version, about, "charter_version");
    const { operator } = this;
    if (operator !== undefined && operator_version !== undefined) operator.#requireVersion(operator_version, about, "operator_version");
  }

  #requireVersion(version: number, about: string, member: keyof CharterVersions): void {
    const { tenantId, version: newest } = this.walk;
    requireThat(
      version <= newest,
      about,
      member,
      `It names version ${version} of the charter, and ${toCharterKey(tenantId, newest + 1)} is missing.`,
    );
  }

  /** Checks that a receipt key that is valid in the versions that the object names signed it. @throws VerificationFailure */
  checkRunnerSignature(kind: SignedKind, object: SignedAtVersion, file: string): void {
    this.#requireVersions(object, file);
    const jwk =
      this.walk.newest.findKeyAt(object.kid, "receipt", object) ??
      failAt(file, "kid", `${object.kid} is not a valid receipt key in ${describeVersions(object)}.`);
    const verdict = verifySignedObject(kind, object, { keys: [jwk] });
    requireThat(verdict === "valid", file, "sig", "The signature does not match: the file was changed after signing, or forged.");
  }

  /** Returns the git keys of the versions that the file `about` names. @throws VerificationFailure if there are no such versions */
  gitKeysAt(versions: CharterVersions, about: string): GitKeysAtVersion {
    this.#requireVersions(versions, about);
    return { described: describeVersions(versions), findGitKey: (kid) => this.walk.newest.findKeyAt(kid, "git", versions) };
  }
}

/** Says in which versions of the charters a key was looked up. */
export function describeVersions({ charter_version, operator_version }: CharterVersions): string {
  const own = `version ${charter_version} of the charter`;
  return operator_version === undefined ? own : `${own}, with version ${operator_version} of the operator's`;
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
