import { CharterWalk } from "../../../decision/charter/walk.js";
import { toCanonicalBytes } from "../../../domain/bytes/canonical.js";
import type { CharterEntry } from "../../../domain/charter/entry.js";
import { RECORD_KINDS, type RecordKind, type RecordValue, toRecordKey } from "../../../domain/charter/records.js";
import type { CharterState } from "../../../domain/charter/state.js";
import type { RegistryCommand } from "../../cli-command.js";
import { UsageError } from "../../failure.js";
import { formatDifference } from "../../terminal/differences.js";
import { buildCharterCommand, type CharterOptions, requireValid, walkCharter } from "./read.js";

interface RecordDifference {
  /** `person/person:bob`. */
  readonly record: string;
  readonly before: RecordValue | null;
  readonly after: RecordValue | null;
}

/** `ogr charter diff`: the records that differ between two versions. */
export function buildCharterDiffCommand(): RegistryCommand<CharterOptions> {
  return buildCharterCommand(
    "diff <from> [to]",
    "show the records that differ between two versions of your tenant's charter (default: the newest)",
  )
    .addExamples("ogr charter diff 3", "ogr charter diff 1 4 --json")
    .run(async ({ options, arguments: [from = "", to], out, openClient }) => {
      const { charter } = await walkCharter(await openClient(), options);
      requireValid(charter);
      const { walk, entries, sources } = charter;
      const readState = (version: number) => walkTo(new CharterWalk(walk.tenantId, walk.foundingJwk, sources), entries.slice(0, version));
      const [older, newer] = [
        await readState(parseVersion(from, walk.version)),
        await readState(parseVersion(to ?? `${walk.version}`, walk.version)),
      ];
      for (const difference of listDifferences(older, newer)) out.print(difference, formatDifference(difference.record, difference));
    });
}

function parseVersion(text: string, newest: number): number {
  const version = Number(text);
  if (/^[1-9]\d*$/.test(text) && version <= newest) return version;
  throw new UsageError(`${text} is not a version of this charter; write one from 1 to ${newest}.`);
}

async function walkTo(walk: CharterWalk, entries: readonly CharterEntry[]): Promise<CharterState> {
  await walk.advance(async (version) => {
    const entry = entries[version - 1];
    return entry === undefined ? undefined : toCanonicalBytes(entry);
  });
  return walk.state;
}

/** A charter's records are never deleted, so the newer state has every record of the older one, and a diff backwards shows removals. */
function listDifferences(older: CharterState, newer: CharterState): RecordDifference[] {
  return RECORD_KINDS.flatMap((kind: RecordKind) => {
    const ids = new Set([...older.list(kind), ...newer.list(kind)].map(([id]) => id));
    return [...ids]
      .filter((id) => older.hashRecord(kind, id) !== newer.hashRecord(kind, id))
      .map((id) => ({
        record: toRecordKey(kind, id),
        before: older.find(kind, id) ?? null,
        after: newer.find(kind, id) ?? null,
      }));
  });
}
