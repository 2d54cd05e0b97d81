import { Command } from "commander";
import { readOwnVersion } from "../process/own-version.js";
import { buildCommandGroup } from "./cli-command.js";
import { buildAuthLoginCommand } from "./commands/auth/login.js";
import { buildAuthLogoutCommand, buildAuthSwitchCommand } from "./commands/auth/profiles.js";
import { buildAuthStatusCommand, buildAuthTokenCommand } from "./commands/auth/status.js";
import { buildCardAttestCommand } from "./commands/card/attest.js";
import { buildCardDecisionCommand } from "./commands/card/decide.js";
import { buildCharterAddPasskeyCommand } from "./commands/charter/add-passkey.js";
import { buildCharterAllowedSignersCommand } from "./commands/charter/allowed-signers.js";
import { buildCharterAppendCommand, buildCharterSignCommand } from "./commands/charter/change.js";
import { buildCharterDiffCommand } from "./commands/charter/diff.js";
import { buildCharterProposeCommand } from "./commands/charter/propose.js";
import { buildCharterProposePasskeyCommand } from "./commands/charter/propose-passkey.js";
import { buildCharterLogCommand, buildCharterShowCommand, buildCharterVerifyCommand } from "./commands/charter/read.js";
import { buildCharterRecoverGroup } from "./commands/charter/recover.js";
import { buildCommandIssueCommand } from "./commands/command/issue.js";
import { buildCompletionCommand } from "./commands/completion.js";
import { buildConfigCommand } from "./commands/config.js";
import { buildInfraCommand } from "./commands/infra/group.js";
import { buildLedgerExportCommand } from "./commands/ledger/export.js";
import { buildLedgerVerifyCommand } from "./commands/ledger/verify.js";
import {
  buildActorListCommand,
  buildCardListCommand,
  buildCommandListCommand,
  buildOfficeListCommand,
  buildProjectListCommand,
} from "./commands/list.js";
import { buildMergeCommand } from "./commands/merge.js";
import { buildPasskeyRegisterCommand } from "./commands/passkey-register.js";
import { buildPermitRequestCommand } from "./commands/permit/request.js";
import { buildPermitRevokeCommand } from "./commands/permit/revoke.js";
import { buildPolicyExplainCommand, buildPolicyTestCommand } from "./commands/policy/judge.js";
import { buildPolicyBuildCommand, buildPolicyPublishCommand } from "./commands/policy/publish.js";
import { buildPolicyDiffCommand, buildPolicyHistoryCommand, buildPolicyShowCommand } from "./commands/policy/read.js";
import { buildProjectArchiveCommand, buildProjectUnarchiveCommand } from "./commands/project/archive.js";
import { buildProjectRegisterCommand } from "./commands/project/register.js";
import { buildProjectResetCommand } from "./commands/project/reset.js";
import { buildPushCommand } from "./commands/push.js";
import { buildReceiptPactCommand, buildReceiptVerifyCommand } from "./commands/receipt.js";
import { buildReleaseCommand } from "./commands/release.js";
import {
  buildCardShowCommand,
  buildCommandShowCommand,
  buildPermitShowCommand,
  buildProjectShowCommand,
  buildReceiptShowCommand,
  buildTenantShowCommand,
} from "./commands/show.js";
import { buildTenantFoundCommand } from "./commands/tenant-found.js";
import { buildVerifyCommand } from "./commands/verify.js";
import { buildCardWatchCommand, buildCommandWatchCommand } from "./commands/watch.js";
import { buildDemoCommand } from "./host/demo.js";
import { buildDevCommand } from "./host/dev.js";
import { buildDoctorCommand } from "./host/doctor/doctor.js";
import { buildProjectionsRebuildCommand, buildProjectionsVerifyCommand } from "./host/projections.js";

const WITH_DATABASE = "what is derived from the ledger; needs the database";

/** Builds `ogr` from the modules of its commands. */
export function buildProgram(): Command {
  const made = new Command("ogr")
    .description("The Office Git Registry: register, push, release, approve, and verify receipts.")
    .version(readOwnVersion(), "--version", "print the release")
    .exitOverride()
    .showHelpAfterError("(add --help to list commands and options)")
    .addHelpText("after", "\nExit codes: 0 ok, 1 error, 2 usage, 3 denied, 4 expired, 5 needs approval, 6 conflict.");
  const decisions = [buildCardDecisionCommand("approve"), buildCardDecisionCommand("reject"), buildCardDecisionCommand("withdraw")];
  for (const command of [
    buildDevCommand(),
    buildDemoCommand(),
    buildCommandGroup(
      "auth",
      "log in and out, and choose a registry",
      buildAuthLoginCommand(),
      buildAuthStatusCommand(),
      buildAuthTokenCommand(),
      buildAuthSwitchCommand(),
      buildAuthLogoutCommand(),
    ),
    buildCommandGroup("tenant", "your tenant, and new ones", buildTenantShowCommand(), buildTenantFoundCommand()),
    buildCommandGroup(
      "charter",
      "who may decide what, under which policy, with which keys",
      buildCharterShowCommand(),
      buildCharterLogCommand(),
      buildCharterVerifyCommand(),
      buildCharterDiffCommand(),
      buildCharterProposeCommand(),
      buildCharterProposePasskeyCommand(),
      buildCharterSignCommand(),
      buildCharterAppendCommand(),
      buildCharterAddPasskeyCommand(),
      buildCharterAllowedSignersCommand(),
      buildCharterRecoverGroup(),
    ),
    buildCommandGroup(
      "policy",
      "the rules and data that decide at which level an act runs, and what it needs",
      buildPolicyShowCommand(),
      buildPolicyHistoryCommand(),
      buildPolicyDiffCommand(),
      buildPolicyBuildCommand(),
      buildPolicyExplainCommand(),
      buildPolicyTestCommand(),
      buildPolicyPublishCommand(),
    ),
    buildCommandGroup("office", "offices and what they may do", buildOfficeListCommand()),
    buildCommandGroup("actor", "the people, agents and apps of the tenant", buildActorListCommand()),
    buildCommandGroup(
      "project",
      "projects of the registry",
      buildProjectRegisterCommand(),
      buildProjectListCommand(),
      buildProjectShowCommand(),
      buildProjectResetCommand(),
      buildProjectArchiveCommand(),
      buildProjectUnarchiveCommand(),
    ),
    buildPushCommand(),
    buildMergeCommand(),
    buildReleaseCommand(),
    buildCommandGroup(
      "card",
      "acts that wait for a decision",
      buildCardListCommand(),
      buildCardShowCommand(),
      buildCardWatchCommand(),
      ...decisions,
      buildCardAttestCommand(),
    ),
    buildCommandGroup("permit", "permission to act", buildPermitRequestCommand(), buildPermitShowCommand(), buildPermitRevokeCommand()),
    buildCommandGroup(
      "command",
      "acts in progress, and their results",
      buildCommandListCommand(),
      buildCommandShowCommand(),
      buildCommandWatchCommand(),
      buildCommandIssueCommand(),
    ),
    buildCommandGroup(
      "receipt",
      "signed results of commands",
      buildReceiptShowCommand(),
      buildReceiptPactCommand(),
      buildReceiptVerifyCommand(),
    ),
    buildInfraCommand(),
    buildCommandGroup("ledger", "the hash chain of all events", buildLedgerVerifyCommand(), buildLedgerExportCommand()),
    buildVerifyCommand(),
    buildCommandGroup("projections", WITH_DATABASE, buildProjectionsVerifyCommand(), buildProjectionsRebuildCommand()),
    buildCommandGroup("passkey", "step-up from this terminal", buildPasskeyRegisterCommand()),
    buildConfigCommand(),
    buildDoctorCommand(),
    buildCompletionCommand(),
  ])
    made.addCommand(command);
  return made;
}
