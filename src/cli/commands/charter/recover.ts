import { requireValue } from "../../../client/http/problem.js";
import { ensureSigningKey, readSigningKey } from "../../../configuration/keys.js";
import { type Job, summarizeJob } from "../../../domain/act/job.js";
import { toCanonicalText } from "../../../domain/bytes/canonical.js";
import { type Announcement, announcementSchema, signAnnouncement } from "../../../domain/charter/announcement.js";
import { announcedChangeSchema } from "../../../domain/charter/change.js";
import { NO_PROJECT } from "../../../domain/ids.js";
import { CardCommand } from "../../card-command.js";
import { buildCommandGroup, CliCommand, RegistryCommand } from "../../cli-command.js";
import { UsageError } from "../../failure.js";
import { formatAnnouncedLines, formatChangeLines } from "../../terminal/charter-change.js";
import { parseParams } from "../../terminal/dry-run.js";
import { readJsonInput } from "../../terminal/json-file.js";
import { formatTime } from "../../terminal/text.js";
import { CHARTER_OFFICE, previewChange } from "./propose.js";
import { buildCharterCommand, buildFoundingKeyOption, type CharterOptions, requireValid, walkCharter } from "./read.js";

/** `ogr charter recover`: changes a charter by its recovery keys. */
export function buildCharterRecoverGroup() {
  return buildCommandGroup(
    "recover",
    "change the charter by its recovery keys, when its persons no longer can, or object to that",
    buildKeyCommand(),
    buildPrepareCommand(),
    buildSignCommand(),
    buildAnnounceCommand(),
    buildCompleteCommand(),
    buildObjectCommand(),
  );
}

function buildKeyCommand(): CliCommand {
  return new CliCommand("key <pem>", "print the public half (JWK) of a recovery key, which is created if absent")
    .addExamples("ogr charter recover key recovery-1.pem > recovery-1.jwk.json")
    .run(async ({ arguments: [file = ""] }) => {
      const { jwk } = await ensureSigningKey(file);
      process.stdout.write(`${toCanonicalText(jwk)}\n`);
    });
}

function buildPrepareCommand(): RegistryCommand<CharterOptions> {
  return buildCharterCommand(
    "prepare <change>",
    "check a change against your tenant's charter, and print the announcement that recovery keys sign; - reads standard input",
  )
    .addExamples("ogr charter recover prepare change.json > announcement.json")
    .run(async ({ options, arguments: [file = ""], out, openClient }) => {
      const change = parseParams(announcedChangeSchema, await readJsonInput("the change", file));
      const { registry, charter } = await walkCharter(await openClient(), options);
      requireValid(charter);
      const { recovery } = charter.walk;
      if (recovery === null) throw new UsageError("This charter has no recovery keys.");
      const next = await charter.walk.planNext(change);
      if (!next.ok) throw new Error(next.denial.message);
      out.remark(formatChangeLines(next.value.planned, change.params).join("\n"));
      printAnnouncement({ tenant_id: registry.tenant_id, after: recovery.entry_hash, change, signatures: [] });
    });
}

interface SignOptions {
  readonly recoveryKeyFile: string;
}

function buildSignCommand(): CliCommand<SignOptions> {
  return new CliCommand<SignOptions>(
    "sign <announcement>",
    "add the signature of a recovery key to an announcement, and print it, without a registry; - reads standard input",
  )
    .requiredOption("--recovery-key-file <pem>", "a private recovery key; it stays on this machine")
    .addExamples("ogr charter recover sign announcement.json --recovery-key-file recovery-1.pem > signed.json")
    .run(async ({ options, arguments: [file = ""], out }) => {
      const announcement = await readAnnouncement(file);
      const { tenant_id, change } = announcement;
      out.remark([`${change.jobType} in ${tenant_id}`, ...formatAnnouncedLines(change)].join("\n"));
      printAnnouncement(signAnnouncement(announcement, readSigningKey(options.recoveryKeyFile)));
    });
}

function buildAnnounceCommand(): RegistryCommand {
  return new RegistryCommand("announce <announcement>", "send an announcement that enough recovery keys signed; - reads standard input")
    .addExamples("ogr charter recover announce signed.json")
    .run(async ({ arguments: [file = ""], out, openClient }) => {
      const announcement = await readAnnouncement(file);
      const registry = await openClient();
      const { version } = requireValue(await registry.sendRecoveryRequest({ kind: "announce", ...announcement }));
      const completable_at_ms = requireValue(await registry.readCharter()).recovery?.waiting?.completable_at_ms ?? null;
      const from =
        completable_at_ms === null ? "" : ` It can be made from ${formatTime(completable_at_ms)} on: ogr charter recover complete`;
      out.print({ ok: true, version, completable_at_ms }, `Version ${version} of the charter announces the change.${from}`);
    });
}

function buildCompleteCommand(): RegistryCommand<CharterOptions> {
  return buildCharterCommand("complete", "make the change that waits, once the delay of the recovery keys has passed")
    .addExamples("ogr charter recover complete")
    .run(async ({ options, out, openClient }) => {
      const { registry, charter } = await walkCharter(await openClient(), options);
      requireValid(charter);
      const waiting = charter.walk.recovery?.waiting ?? null;
      if (waiting === null) throw new UsageError("No change waits in this charter.");
      const request = { kind: "complete", tenant_id: registry.tenant_id, announcement: waiting.version } as const;
      const { version, entry_hash } = requireValue(await registry.sendRecoveryRequest(request));
      out.print(
        { ok: true, version, entry_hash },
        `Version ${version} of the charter makes the change that version ${waiting.version} announced.`,
      );
    });
}

function buildObjectCommand(): CardCommand<CharterOptions> {
  return new CardCommand<CharterOptions>(
    "object",
    "open the card that ends the change that waits (L5): it states the same recovery keys again",
    "what this is for (default: the change that it ends)",
  )
    .addOption(buildFoundingKeyOption())
    .addExamples('ogr charter recover object --intent "Nobody lost a passkey" --wait')
    .openCard(async (registry, _, options) => {
      const { charter } = await walkCharter(registry, options);
      requireValid(charter);
      const { state, recovery } = charter.walk;
      const waiting = recovery?.waiting ?? null;
      if (waiting === null) throw new UsageError("No change waits in this charter.");
      const job: Job<"registry.keys.rotate"> = {
        jobType: "registry.keys.rotate",
        params: { project_id: NO_PROJECT, add: [], revoke: [], recovery: state.find("recovery") ?? null },
      };
      const intent = `End the change that version ${waiting.version} announced: ${summarizeJob(job)}`;
      return { ...job, intent, preview: (wanted) => previewChange(registry, options, job, wanted) };
    }, CHARTER_OFFICE);
}

async function readAnnouncement(file: string): Promise<Announcement> {
  return parseParams(announcementSchema, await readJsonInput("the announcement", file));
}

function printAnnouncement(announcement: Announcement): void {
  process.stdout.write(`${toCanonicalText(announcement)}\n`);
}
