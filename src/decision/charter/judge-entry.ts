import type { PublicJwk } from "../../domain/bytes/signature.js";
import { type ActEntryAuthority, type CharterEntry, isEntrySignedBy } from "../../domain/charter/entry.js";
import type { CharterState } from "../../domain/charter/state.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { judgeEntryAuthority } from "./act-authority.js";
import type { NewestCharter } from "./newest-charter.js";
import type { NextChange } from "./planned-change.js";
import { judgeAnnouncement, judgeCompletion, type RecoveryPoint } from "./recovery.js";

/** What an entry is whose authority holds. */
export interface JudgedEntry {
  readonly act: EntryAct | null;
  /** Whether, since the last entry of level L5, power was taken from a person who decides at L5. */
  readonly hasTakenPower: boolean;
}

/** The act that an entry carries out or ends. */
export interface EntryAct {
  readonly jti: string;
  /** False if the entry only records that it ended. */
  readonly hasHappened: boolean;
}

/** A charter before the entry that is judged. */
export interface CharterBefore {
  readonly foundingJwk: PublicJwk;
  readonly version: number;
  readonly state: CharterState;
  readonly recovery: RecoveryPoint | null;
  readonly hasTakenPower: boolean;
  /** Finds the act with the version whose entry carried it out or recorded that it ended. */
  findAct(jti: string): (EntryAct & { readonly version: number }) | undefined;
  /** Reads the charter with the operator's keys of the version that the entry names. */
  readSigningCharter(operatorVersion: number | undefined): Promise<Outcome<NewestCharter>>;
  /** Plans the entry's change. */
  planEntry(): Promise<Outcome<NextChange>>;
}

/** Judges whether an entry's authority suffices for its change. Denials: `charter_invalid`, and those of the plan and the act. */
export async function judgeEntry(before: CharterBefore, entry: CharterEntry): Promise<Outcome<JudgedEntry>> {
  const { authority } = entry;
  if (authority.kind === "founding") return judgeFounding(before, entry);
  if (before.version === 0) return denyEntry("only the founding key can found a charter.");
  const signed = await before.readSigningCharter(authority.operator_version);
  if (!signed.ok) return signed;
  const charter = signed.value;
  switch (authority.kind) {
    case "act":
      return judgeAct(before, charter, entry, authority);
    case "receipt":
      return judgeEnd(before, charter, entry);
    case "recovery": {
      const announced = judgeAnnouncement(before, entry, authority);
      if (!announced.ok) return announced;
      return checkRunnerSignature(charter, entry) ?? grantValue({ act: null, hasTakenPower: before.hasTakenPower });
    }
    case "announcement": {
      const completed = judgeCompletion(before, entry, authority);
      if (!completed.ok) return completed;
      const next = await before.planEntry();
      return next.ok ? (checkRunnerSignature(charter, entry) ?? grantValue({ act: null, hasTakenPower: false })) : next;
    }
  }
}

async function judgeFounding({ state, foundingJwk, planEntry }: CharterBefore, entry: CharterEntry): Promise<Outcome<JudgedEntry>> {
  const { jobType } = entry.change;
  if (jobType === "registry.charter.end_act" || jobType === "registry.recovery.announce")
    return denyEntry(`the founding key does not sign ${jobType}.`);
  // Sealing the charter ends the founding key's power.
  if (state.find("sealed") !== undefined) return denyEntry("it is signed by the founding key after the seal.");
  if (!isEntrySignedBy(entry, foundingJwk)) return denyEntry("it is not signed by the tenant's founding key.");
  // The rules of a policy that the founding key publishes are not compared with the operator's list here, but by a Runner before it appends
  // the entry (`checkNamedPolicy`): those of version 1 need not be listed, and another tenant's clients cannot read the list.
  // A sealed charter must be one that its persons can change.
  const reachable = jobType === "registry.charter.seal" ? await planEntry() : grantValue(null);
  return reachable.ok ? grantValue({ act: null, hasTakenPower: false }) : reachable;
}

async function judgeAct(
  before: CharterBefore,
  charter: NewestCharter,
  entry: CharterEntry,
  authority: ActEntryAuthority,
): Promise<Outcome<JudgedEntry>> {
  const next = await before.planEntry();
  if (!next.ok) return next;
  const { planned, takesDecider, policy } = next.value;
  const judged = await judgeEntryAuthority({ charter, policy }, entry, authority, planned);
  if (!judged.ok) return judged;
  const { jti, level } = judged.value;
  const hasTakenPower = level !== "L5" && (takesDecider || before.hasTakenPower);
  return checkNewAct(before, jti) ?? grantValue({ act: { jti, hasHappened: true }, hasTakenPower });
}

function judgeEnd(before: CharterBefore, charter: NewestCharter, entry: CharterEntry): Outcome<JudgedEntry> {
  const { change } = entry;
  if (change.jobType !== "registry.charter.end_act") return denyEntry("a Runner's key records that an act has ended, and nothing else.");
  const { jti } = change.params;
  const judged = { act: { jti, hasHappened: false }, hasTakenPower: before.hasTakenPower };
  return checkRunnerSignature(charter, entry) ?? checkNewAct(before, jti) ?? grantValue(judged);
}

function checkNewAct({ findAct }: CharterBefore, jti: string): Outcome<never> | undefined {
  const earlier = findAct(jti);
  return earlier === undefined ? undefined : denyEntry(`the act ${jti} was carried out or ended by version ${earlier.version}.`);
}

/** Checks that a receipt key that counts now signed the entry. */
function checkRunnerSignature(charter: NewestCharter, entry: CharterEntry): Outcome<never> | undefined {
  const { authority } = entry;
  const jwk = charter.listKeys("receipt").keys.find(({ kid }) => authority.kind !== "act" && kid === authority.kid);
  return jwk !== undefined && isEntrySignedBy(entry, jwk) ? undefined : denyEntry("it is not signed by a receipt key of this charter.");
}

function denyEntry(why: string) {
  return denyWith("charter_invalid", why);
}
