import type { Command } from "commander";
import { required } from "../../client/problem.js";
import { cardBeyond, cardEnd } from "../../client/waiting.js";
import { concluded } from "../card-outcome.js";
import { jsonOf } from "../json-file.js";
import { registryLeaf } from "../leaf.js";
import { cardText } from "../text.js";

const ACT_MS = 900_000;

interface AttestOptions {
  readonly file: string;
  readonly wait?: boolean;
}

/** `ogr card attest`: brings an attestation that somebody signed about the card's plan. */
export function cardAttest(): Command {
  return registryLeaf<AttestOptions>(
    "attest <card>",
    "bring an attestation of a card's plan",
    async ({ options, arguments: [card_id = ""], out, client }) => {
      const envelope = await jsonOf("--file", options.file);
      const registry = await client();
      required(await registry.attest(card_id, envelope));
      if (options.wait) return concluded(await cardEnd(registry, card_id, ACT_MS), out);
      const after = await cardBeyond(registry, card_id, ["planning"], ACT_MS);
      out.print(after, cardText(after));
    },
  )
    .requiredOption("--file <file>", "the DSSE envelope as JSON; - reads standard input")
    .option("--wait", "wait until the card has come to its end");
}
