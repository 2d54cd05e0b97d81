import { Command } from "commander";
import { cardAttest } from "./commands/card-attest.js";
import { cardDecide } from "./commands/card-decide.js";
import { cardList } from "./commands/card-list.js";
import { cardShow } from "./commands/card-show.js";
import { demo } from "./commands/demo.js";
import { dev } from "./commands/dev.js";
import { ledgerVerify } from "./commands/ledger-verify.js";
import { passkeyRegister } from "./commands/passkey-register.js";
import { projectList } from "./commands/project-list.js";
import { projectRegister } from "./commands/project-register.js";
import { projectShow } from "./commands/project-show.js";
import { projectionsRebuild, projectionsVerify } from "./commands/projections.js";
import { push } from "./commands/push.js";
import { receiptShow } from "./commands/receipt-show.js";
import { receiptVerify } from "./commands/receipt-verify.js";
import { release } from "./commands/release.js";
import { group } from "./leaf.js";

/** `ogr`, with one module for each command. */
export function program(): Command {
  return new Command("ogr")
    .description("The Office Git Registry: register, push, release, approve, and check the receipts.")
    .exitOverride()
    .showHelpAfterError("(add --help for what can be written)")
    .addHelpText("after", "\nExit codes: 0 ok, 1 error, 2 usage, 3 denied, 4 expired, 5 needs approval, 6 conflict.")
    .addCommand(dev())
    .addCommand(demo())
    .addCommand(group("project", "projects of the registry", projectRegister(), projectList(), projectShow()))
    .addCommand(push())
    .addCommand(release())
    .addCommand(
      group(
        "card",
        "acts that wait for a decision",
        cardList(),
        cardShow(),
        cardDecide("approve"),
        cardDecide("reject"),
        cardDecide("withdraw"),
        cardAttest(),
      ),
    )
    .addCommand(group("receipt", "what became of a command", receiptShow(), receiptVerify()))
    .addCommand(group("ledger", "the chain of what happened", ledgerVerify()))
    .addCommand(
      group("projections", "what is derived from the ledger, for an operator with the database", projectionsVerify(), projectionsRebuild()),
    )
    .addCommand(group("passkey", "step-up from this terminal", passkeyRegister()));
}
