import { requireValue } from "../../../client/http/problem.js";
import { waitForCardToLeave } from "../../../client/waiting.js";
import { foreignEnvelopeSchema } from "../../../domain/card/attestation.js";
import { RegistryCommand } from "../../cli-command.js";
import { ACT_MAX_MS, reportCardEnd, showCardUntilEnd } from "../../outcome.js";
import { parseParams, printDryRun } from "../../terminal/dry-run.js";
import { readJsonInput } from "../../terminal/json-file.js";
import { buildDryRunOption } from "../../terminal/option-values.js";
import { formatCard } from "../../terminal/text.js";

interface AttestOptions {
  readonly file: string;
  readonly wait?: boolean;
  readonly dryRun?: boolean;
}

/** `ogr card attest`: submits a signed attestation of the card's plan. */
export function buildCardAttestCommand(): RegistryCommand {
  return new RegistryCommand<AttestOptions>("attest <card>", "submit an attestation of a card's plan")
    .requiredOption("--file <file>", "the DSSE envelope as JSON, or - for standard input")
    .option("--wait", "wait until the card has ended")
    .addOption(buildDryRunOption())
    .addExamples("ogr card attest k-b06e3b3672441f6c4167 --file vsa.dsse.json --wait")
    .run(async ({ options, arguments: [card_id = ""], out, openClient }) => {
      const envelope = await readJsonInput("--file", options.file);
      const registry = await openClient();
      if (options.dryRun) {
        const { payloadType, signatures } = parseParams(foreignEnvelopeSchema, envelope);
        const card = requireValue(await registry.readCard(card_id));
        const keyids = signatures.map(({ keyid = "" }) => keyid || "not named");
        const text = `${formatCard(card)}\nYou would submit an attestation (${payloadType})\n  keys      ${keyids.join(", ")}`;
        return printDryRun(out, registry, { act: "card.attest", card_id, payloadType, keyids }, text);
      }
      requireValue(await registry.attest(card_id, envelope));
      const after = await waitForCardToLeave(registry, card_id, ["planning"], ACT_MAX_MS);
      if (options.wait) return reportCardEnd(await showCardUntilEnd(registry, after, out), out);
      out.print(after, formatCard(after));
    });
}
