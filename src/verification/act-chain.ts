import { z } from "zod";
import { EMPTY_TREE, ZERO_ID } from "../domain/git/git-id.js";
import { type PushReceipt, toPushReceipt } from "../domain/git/push-receipt.js";
import { toLastActRef } from "../domain/git/ref-name.js";
import { parseJson } from "../domain/json.js";
import { type Receipt, receiptSchema } from "../domain/permit/receipt.js";
import { toReceiptKey } from "../domain/storage-key.js";
import type { Refs, RefTarget } from "../repository/refs/packed-refs.js";
import type { EvidenceFiles } from "./evidence-files.js";
import { requireThat } from "./failure.js";
import type { WalkedCharter } from "./walked-charter.js";

/** A project up to one act, from the receipts of its acts alone. */
export interface ProjectBefore {
  /** The refs that the act found, empty before the registration. */
  readonly refs: Refs;
  /** All pushes and merges before it, oldest first. */
  readonly pushes: readonly PushReceipt[];
  readonly acts: number;
}

/** Reads receipts, and believes none that no receipt key signed. */
export class Receipts {
  readonly #known = new Map<string, Promise<Receipt>>();

  constructor(
    private readonly files: EvidenceFiles,
    private readonly charter: WalkedCharter,
  ) {}

  /** @throws VerificationFailure */
  read(jti: string): Promise<Receipt> {
    const known = this.#known.get(jti) ?? this.#read(jti);
    this.#known.set(jti, known);
    return known;
  }

  async #read(jti: string): Promise<Receipt> {
    const { tenantId } = this.charter.walk;
    const file = toReceiptKey(tenantId, jti);
    const receipt = await this.files.readJson(file, receiptSchema);
    this.charter.checkRunnerSignature("receipt", receipt, file);
    requireThat(receipt.tenant_id === tenantId, file, "tenant_id", `It is a receipt of ${receipt.tenant_id}.`);
    requireThat(receipt.jti === jti, file, "jti", `It is the receipt of ${receipt.jti}.`);
    return receipt;
  }

  /** Returns the refs that the acts of a project left, up to `last`. @throws VerificationFailure */
  async readRefsAfter(last: string): Promise<Refs> {
    const receipt = await this.read(last);
    const refs = new Map((await this.readBefore(receipt)).refs);
    moveRefs(refs, receipt, toReceiptKey(receipt.tenant_id, last));
    return refs;
  }

  /**
   * Walks from an act's receipt back to the project's registration, and moves the refs as the receipts say. Each must have found what the
   * one before left. @throws VerificationFailure
   */
  async readBefore({ jti, project_id, previous_act }: Receipt): Promise<ProjectBefore> {
    const { tenantId } = this.charter.walk;
    const chain: Receipt[] = [];
    const seen = new Set([jti]);
    for (let next = previous_act; next !== null; ) {
      const receipt = await this.read(next);
      const file = toReceiptKey(tenantId, next);
      requireThat(!seen.has(next), file, "previous_act", "The chain of acts has a loop.");
      requireThat(receipt.project_id === project_id, file, "project_id", `It is an act of ${receipt.project_id}, not of ${project_id}.`);
      requireThat(receipt.status === "success", file, "status", `A later act followed it, so it cannot have ended as ${receipt.status}.`);
      requireThat(!isTruncated(receipt), file, "previous_act", "Only the registration has no act before it.");
      seen.add(next);
      chain.push(receipt);
      next = receipt.previous_act;
    }
    const refs = new Map<string, RefTarget>();
    for (const receipt of chain.reverse()) moveRefs(refs, receipt, toReceiptKey(tenantId, receipt.jti));
    // A registered repository has refs even without branches.
    if (previous_act !== null) refs.set(toLastActRef(previous_act), { id: EMPTY_TREE });
    return { refs, pushes: chain.flatMap((receipt) => toPushReceipt(receipt) ?? []), acts: chain.length };
  }
}

/** Returns whether the receipt of an act that wrote refs hides the act before it. */
export function isTruncated({ jobType, previous_act }: Receipt): boolean {
  return (previous_act === null) !== (jobType === "git.registry.init");
}

/** Moves refs as a receipt says. @throws VerificationFailure unless it found them where they are */
export function moveRefs(refs: Map<string, RefTarget>, receipt: Receipt, file: string): void {
  for (const { name, old, new: next } of receipt.refs) {
    const found = refs.get(name)?.id ?? ZERO_ID;
    requireThat(found === old, file, "refs", `It moved ${name} from ${old}, but by the receipts before it, it was ${found}.`);
    if (next === ZERO_ID) refs.delete(name);
    else refs.set(name, { id: next, ...findPeeled(receipt, next) });
  }
}

const tagArtifactSchema = z.object({ tag_object: z.string(), commit: z.string() });

/** Finds the commit of a tag that a release made. */
function findPeeled({ artifacts }: Receipt, id: string): { peeled?: string } {
  for (const artifact of artifacts) {
    const parsed = tagArtifactSchema.safeParse(parseJson(artifact));
    if (parsed.success && parsed.data.tag_object === id) return { peeled: parsed.data.commit };
  }
  return {};
}
