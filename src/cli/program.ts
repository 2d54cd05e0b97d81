import { Command } from "commander";
import { actorList } from "./commands/actor-list.js";
import { authLogin } from "./commands/auth/login.js";
import { authLogout } from "./commands/auth/logout.js";
import { authStatus } from "./commands/auth/status.js";
import { authSwitch } from "./commands/auth/switch.js";
import { authToken } from "./commands/auth/token.js";
import { cardAttest } from "./commands/card/attest.js";
import { cardDecide } from "./commands/card/decide.js";
import { cardList } from "./commands/card/list.js";
import { cardShow } from "./commands/card/show.js";
import { cardWatch } from "./commands/card/watch.js";
import { commandIssue } from "./commands/command/issue.js";
import { commandList } from "./commands/command/list.js";
import { commandShow } from "./commands/command/show.js";
import { commandWatch } from "./commands/command/watch.js";
import { completion } from "./commands/completion.js";
import { config } from "./commands/config.js";
import { infra } from "./commands/infra/group.js";
import { ledgerExport } from "./commands/ledger/export.js";
import { ledgerVerify } from "./commands/ledger/verify.js";
import { merge } from "./commands/merge.js";
import { officeList } from "./commands/office-list.js";
import { passkeyRegister } from "./commands/passkey-register.js";
import { permitRequest } from "./commands/permit/request.js";
import { permitRevoke } from "./commands/permit/revoke.js";
import { permitShow } from "./commands/permit/show.js";
import { projectArchive, projectUnarchive } from "./commands/project/archive.js";
import { projectList } from "./commands/project/list.js";
import { projectRegister } from "./commands/project/register.js";
import { projectReset } from "./commands/project/reset.js";
import { projectShow } from "./commands/project/show.js";
import { push } from "./commands/push.js";
import { receiptPact } from "./commands/receipt/pact.js";
import { receiptShow } from "./commands/receipt/show.js";
import { receiptVerify } from "./commands/receipt/verify.js";
import { release } from "./commands/release.js";
import { tenantShow } from "./commands/tenant-show.js";
import { demo } from "./host/demo.js";
import { dev } from "./host/dev.js";
import { doctor } from "./host/doctor/doctor.js";
import { projectionsRebuild, projectionsVerify } from "./host/projections.js";
import { group } from "./leaf.js";
import { ownVersion } from "./version.js";

const WITH_DATABASE = "what is derived from the ledger, for an operator with the database";

/** `ogr`, with one module for each command. */
export function program(): Command {
  const made = new Command("ogr")
    .description("The Office Git Registry: register, push, release, approve, and check the receipts.")
    .version(ownVersion(), "--version", "print the release")
    .exitOverride()
    .showHelpAfterError("(add --help for what can be written)")
    .addHelpText("after", "\nExit codes: 0 ok, 1 error, 2 usage, 3 denied, 4 expired, 5 needs approval, 6 conflict.");
  const decisions = [cardDecide("approve"), cardDecide("reject"), cardDecide("withdraw")];
  for (const command of [
    dev(),
    demo(),
    group("auth", "who you are, and where", authLogin(), authStatus(), authToken(), authSwitch(), authLogout()),
    group("tenant", "your tenant", tenantShow()),
    group("office", "what may be done through an office", officeList()),
    group("actor", "who is in the tenant", actorList()),
    group(
      "project",
      "projects of the registry",
      projectRegister(),
      projectList(),
      projectShow(),
      projectReset(),
      projectArchive(),
      projectUnarchive(),
    ),
    push(),
    merge(),
    release(),
    group("card", "acts that wait for a decision", cardList(), cardShow(), cardWatch(), ...decisions, cardAttest()),
    group("permit", "leave to act", permitRequest(), permitShow(), permitRevoke()),
    group("command", "acts on their way, and what became of them", commandList(), commandShow(), commandWatch(), commandIssue()),
    group("receipt", "what became of a command", receiptShow(), receiptPact(), receiptVerify()),
    infra(),
    group("ledger", "the chain of what happened", ledgerVerify(), ledgerExport()),
    group("projections", WITH_DATABASE, projectionsVerify(), projectionsRebuild()),
    group("passkey", "step-up from this terminal", passkeyRegister()),
    config(),
    doctor(),
    completion(),
  ])
    made.addCommand(command);
  return made;
}
