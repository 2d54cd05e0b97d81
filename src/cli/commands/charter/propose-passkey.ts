import { Option } from "commander";
import { NO_PROJECT } from "../../../domain/ids.js";
import { LEVELS, type Level } from "../../../domain/level.js";
import { CardCommand } from "../../card-command.js";
import { CHARTER_OFFICE, previewChange } from "./propose.js";
import { buildFoundingKeyOption, type CharterOptions, requireValid, walkCharter } from "./read.js";
import { findWaitingPasskey } from "./waiting-passkey.js";

interface ProposePasskeyOptions extends CharterOptions {
  readonly fingerprint: string;
  readonly countsTo: Level;
}

/** `ogr charter propose-passkey`: opens the card of the change that lets a registered passkey count. */
export function buildCharterProposePasskeyCommand(): CardCommand<ProposePasskeyOptions> {
  return new CardCommand<ProposePasskeyOptions>(
    "propose-passkey <actor>",
    "open the card of the change that lets a passkey count which a person has registered",
    "what this is for (default: the passkey and its person)",
  )
    .requiredOption("--fingerprint <hex>", "the fingerprint that the person read to you; whoever approves the card compares it too")
    .addOption(
      new Option("--counts-to <level>", "the highest level of what it approves; the card has at least this level")
        .choices(LEVELS)
        .default("L5"),
    )
    .addOption(buildFoundingKeyOption())
    .addExamples("ogr charter propose-passkey bob --fingerprint 9f2c…")
    .openCard(async (registry, [name = ""], options) => {
      const { charter } = await walkCharter(registry, options);
      requireValid(charter);
      const { person_id, person, passkey, fingerprint } = await findWaitingPasskey(registry, charter, name, options.fingerprint);
      // What the registry answers must not decide how far a passkey counts.
      const passkeys = [...person.passkeys, { ...passkey, counts_to: options.countsTo }];
      const params = { project_id: NO_PROJECT, persons: { [person_id]: { ...person, passkeys } }, actors: {} } as const;
      const job = { jobType: "registry.members.change", params } as const;
      const intent = `Let the passkey ${fingerprint} of ${person_id} count up to ${options.countsTo}`;
      return { ...job, intent, preview: (wanted) => previewChange(registry, options, job, wanted) };
    }, CHARTER_OFFICE);
}
