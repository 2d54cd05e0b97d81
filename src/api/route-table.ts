import type { ApiDependencies } from "./dependencies.js";
import type { Route } from "./http/route.js";
import { buildAttestationRoutes } from "./routes/attestations.js";
import { buildCardRoutes } from "./routes/cards.js";
import { buildCharterRoutes } from "./routes/charter.js";
import { buildCommandRoutes } from "./routes/commands.js";
import { buildIdentityRoutes } from "./routes/identities.js";
import { buildInfraRoutes } from "./routes/infra.js";
import { buildLedgerRoutes } from "./routes/ledger.js";
import { buildPactRoutes } from "./routes/pacts.js";
import { buildPasskeyRoutes } from "./routes/passkeys.js";
import { buildPermitRoutes } from "./routes/permits.js";
import { buildPlanRoutes } from "./routes/plans.js";
import { buildRegistryRoutes } from "./routes/registry.js";
import { buildRunnerRoutes } from "./routes/runners.js";
import { buildServiceRoutes } from "./routes/service.js";
import { buildStagingRoutes } from "./routes/staging.js";
import { buildStatementRoutes } from "./routes/statements.js";
import { buildWebhookRoutes } from "./routes/webhooks.js";

/** Every path of the api except its documentation. */
export function buildRouteTable(deps: ApiDependencies): readonly Route[] {
  return [
    ...buildPermitRoutes(deps),
    ...buildCommandRoutes(deps),
    ...buildPactRoutes(deps),
    ...buildRunnerRoutes(deps),
    ...buildRegistryRoutes(deps),
    ...buildInfraRoutes(deps),
    ...buildPlanRoutes(deps),
    ...buildCardRoutes(deps),
    ...buildStatementRoutes(deps),
    ...buildAttestationRoutes(deps),
    ...buildStagingRoutes(deps),
    ...buildPasskeyRoutes(deps),
    ...buildCharterRoutes(deps),
    ...buildLedgerRoutes(deps),
    ...buildIdentityRoutes(deps),
    ...buildWebhookRoutes(deps),
    ...buildServiceRoutes(deps),
  ];
}
