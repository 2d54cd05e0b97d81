import type { ApiDependencies } from "./dependencies.js";
import type { Route } from "./http/route.js";
import { attestationRoutes } from "./routes/attestations.js";
import { cardRoutes } from "./routes/cards.js";
import { commandRoutes } from "./routes/commands.js";
import { identityRoutes } from "./routes/identities.js";
import { infraRoutes } from "./routes/infra.js";
import { ledgerRoutes } from "./routes/ledger.js";
import { pactRoutes } from "./routes/pacts.js";
import { passkeyRoutes } from "./routes/passkeys.js";
import { permitRoutes } from "./routes/permits.js";
import { planRoutes } from "./routes/plans.js";
import { registryRoutes } from "./routes/registry.js";
import { runnerRoutes } from "./routes/runners.js";
import { serviceRoutes } from "./routes/service.js";
import { stagingRoutes } from "./routes/staging.js";
import { statementRoutes } from "./routes/statements.js";
import { webhookRoutes } from "./routes/webhooks.js";

/** Every path that the api serves, beside its documentation. */
export function routeTable(deps: ApiDependencies): readonly Route[] {
  return [
    ...permitRoutes(deps),
    ...commandRoutes(deps),
    ...pactRoutes(deps),
    ...runnerRoutes(deps),
    ...registryRoutes(deps),
    ...infraRoutes(deps),
    ...planRoutes(deps),
    ...cardRoutes(deps),
    ...statementRoutes(deps),
    ...attestationRoutes(deps),
    ...stagingRoutes(deps),
    ...passkeyRoutes(deps),
    ...ledgerRoutes(deps),
    ...identityRoutes(deps),
    ...webhookRoutes(deps),
    ...serviceRoutes(deps),
  ];
}
