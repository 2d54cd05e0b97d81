import type { Command } from "commander";
import { required } from "../../../client/http/problem.js";
import { cardBeyond, cardEnd } from "../../../client/waiting.js";
import { attestationEnvelopeSchema } from "../../../domain/card/attestation.js";
import { concluded } from "../../card-outcome.js";
import { registryLeaf, withExamples } from "../../leaf.js";
import { checkParams, printDryRun } from "../../terminal/dry-run.js";
import { jsonOf } from "../../terminal/json-file.js";
import { dryRunOption } from "../../terminal/option-values.js";
import { cardText } from "../../terminal/text.js";

const ACT_MS = 900_000;

interface AttestOptions {
  readonly file: string;
  readonly wait?: boolean;
  readonly dryRun?: boolean;
}

/** `ogr card attest`: brings an attestation that somebody signed about the card's plan. */
export function cardAttest(): Command {
  const command = registryLeaf<AttestOptions>(
    "attest <card>",
    "bring an attestation of a card's plan",
    async ({ options, arguments: [card_id = ""], out, client }) => {
      const envelope = await jsonOf("--file", options.file);
      const registry = await client();
      if (options.dryRun) {
        const { payloadType, signatures } = checkParams(attestationEnvelopeSchema, envelope);
        const card = required(await registry.card(card_id));
        const keyids = signatures.map(({ keyid }) => keyid);
        const text = `${cardText(card)}\nYou would bring an attestation (${payloadType})\n  keys      ${keyids.join(", ")}`;
        return printDryRun(out, registry, { act: "card.attest", card_id, payloadType, keyids }, text);
      }
      required(await registry.attest(card_id, envelope));
      if (options.wait) return concluded(await cardEnd(registry, card_id, ACT_MS), out);
      const after = await cardBeyond(registry, card_id, ["planning"], ACT_MS);
      out.print(after, cardText(after));
    },
  )
    .requiredOption("--file <file>", "the DSSE envelope as JSON; - reads standard input")
    .option("--wait", "wait until the card has come to its end")
    .addOption(dryRunOption());
  return withExamples(command, "ogr card attest k-b06e3b3672441f6c4167 --file vsa.dsse.json --wait");
}
