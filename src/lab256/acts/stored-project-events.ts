import { z } from "zod";
import { pickBreakGlass } from "../../domain/act/break-glass.js";
import type { NewEvent } from "../../domain/ledger/event.js";
import type { Receipt } from "../../domain/permit/receipt.js";
import { toProjectKey, toReleaseManifestKey } from "../../domain/storage-key.js";
import type { ObjectStore } from "../../storage/ports.js";
import { readStoredJson } from "../stored-json.js";
import {
  buildRegistrationEvents,
  buildReleaseEvents,
  toArchiveEvents,
  toMergeEvents,
  toPushEvents,
  toResetEvents,
} from "./project-events.js";

const HEADS = "refs/heads/";
const TAGS = "refs/tags/";

const projectSchema = z.object({
  jti: z.string(),
  name: z.string(),
  owners: z.array(z.string()),
  visibility: z.string(),
});
const manifestSchema = z.object({ commit: z.string(), notes_hash: z.string() });

/** `isComplete` is false while an object is absent that the act writes after its receipt. */
interface StoredEvents {
  readonly events: readonly NewEvent[];
  readonly isComplete: boolean;
}

const INCOMPLETE: StoredEvents = { events: [], isComplete: false };

/**
 * Returns the events by which a successful act changes the catalog if its envelope is unknown, from its receipt and the objects it
 * stored. The events have the same keys and payloads as those of a flow. Source: ADR-002 §7.
 */
export async function readProjectEvents(store: ObjectStore, receipt: Receipt, actorId: string): Promise<StoredEvents> {
  const findMoveUnder = (prefix: string) => receipt.refs.find(({ name }) => name.startsWith(prefix));
  switch (receipt.jobType) {
    case "git.registry.init":
      return readRegistrationEvents(store, receipt);
    case "git.registry.reset":
      return { events: toResetEvents(receipt, actorId), isComplete: true };
    case "git.registry.archive":
      return { events: toArchiveEvents(receipt, actorId), isComplete: true };
    case "git.registry.push":
      return { events: toPushEvents(receipt, actorId, findMoveUnder(HEADS)), isComplete: true };
    case "git.registry.merge_protected":
      return { events: toMergeEvents(receipt, actorId, findMoveUnder(HEADS)), isComplete: true };
    case "git.registry.tag_release":
      return readReleaseEvents(store, receipt, actorId, findMoveUnder(TAGS)?.name.slice(TAGS.length));
    default:
      return { events: [], isComplete: true };
  }
}

async function readRegistrationEvents(store: ObjectStore, { tenant_id, project_id, jti, break_glass }: Receipt): Promise<StoredEvents> {
  const project = await readStoredJson(store, toProjectKey(tenant_id, project_id), projectSchema);
  if (project?.jti !== jti) return INCOMPLETE;
  return { events: buildRegistrationEvents(tenant_id, { project_id, ...project, ...pickBreakGlass({ break_glass }) }), isComplete: true };
}

async function readReleaseEvents(store: ObjectStore, receipt: Receipt, actorId: string, tag: string | undefined): Promise<StoredEvents> {
  if (tag === undefined) return { events: [], isComplete: true };
  const manifest = await readStoredJson(store, toReleaseManifestKey(receipt.tenant_id, receipt.project_id, tag), manifestSchema);
  if (manifest === undefined) return INCOMPLETE;
  return { events: buildReleaseEvents(receipt, actorId, { tag, ...manifest }), isComplete: true };
}
