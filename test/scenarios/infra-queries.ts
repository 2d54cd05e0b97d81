import { describe, expect, it } from "vitest";
import { InfraContextError, infraContexts } from "../../clients/infra-context/infra-context.mjs";
import { requireValue } from "../../src/client/http/problem.js";
import { requireRefusal } from "./acts.js";
import type { InfraSetup } from "./infra-setup.js";

export function describeInfraQueries(on: () => InfraSetup): void {
  const actAsAdmin = () => on().registry.as("admin");

  describe("and a query of a project's context", () => {
    it("returns the current state and that of every earlier revision of main", async () => {
      const before = on().revision();
      await on().publish({ "T.UBL/P.live": "disabled production" });
      const known = { source: "registry", org: "T.UBL", repo: "P.live", context: "production", telemetry_repo: "T.UBL/P.telemetry" };
      expect(requireValue(await actAsAdmin().readInfraContext("P.live"))).toEqual({
        ...known,
        state: "disabled",
        revision: on().revision(),
        is_registry: false,
      });
      expect(requireValue(await actAsAdmin().readInfraContext("P.live", before))).toEqual({
        ...known,
        state: "enabled",
        revision: before,
        is_registry: false,
      });
      expect(requireRefusal(await actAsAdmin().readInfraContext("P.live", on().base))).toMatchObject({ status: 404, code: "not_found" });
      expect(requireValue(await actAsAdmin().readInfraContext("P.nowhere"))).toMatchObject({ state: "missing", context: null });
      await on().publish();
    });

    it("returns only the tenant's own org", async () => {
      expect(requireValue(await on().registry.as("olga", "T.OTHER").readInfraContext("P.theirs"))).toMatchObject({
        org: "T.OTHER",
        state: "enabled",
        telemetry_repo: "T.OTHER/P.telemetry",
      });
      expect(requireValue(await on().registry.as("olga", "T.OTHER").readInfraContext("P.live"))).toMatchObject({ state: "missing" });
      const other = `${on().registry.url}/v1/query/infra/context?tenant_id=T.UBL&project_id=P.live`;
      const answer = await fetch(other, { headers: { authorization: `Bearer ${on().registry.getActor("olga", "T.OTHER").token}` } });
      expect(answer.status).toBe(404);
    });

    it("fails closed in the client module", async () => {
      const { token } = on().registry.getActor("admin");
      let asked = 0;
      const fetchAndCount: typeof fetch = (...args) => {
        asked += 1;
        return fetch(...args);
      };
      const options = { server: on().registry.url, token, tenant_id: "T.UBL", fetch: fetchAndCount };
      const contexts = infraContexts(options);
      const enabled = await contexts.enabled("P.live");
      expect(enabled).toEqual({
        ...{ source: "registry", revision: on().revision(), org: "T.UBL", repo: "P.live", state: "enabled", context: "production" },
        ...{ telemetry_repo: "T.UBL/P.telemetry", is_registry: false },
      });
      expect(asked).toBe(1);
      expect(await contexts.at("P.live", on().revision())).toBe(enabled);
      expect(asked).toBe(1);
      await contexts.current("P.live");
      expect(asked).toBe(2);
      const readCode = (work: Promise<unknown>) =>
        work.then(
          () => "answered",
          (error: unknown) => (error instanceof InfraContextError ? error.code : "another error"),
        );
      expect(await readCode(contexts.enabled("P.nowhere"))).toBe("not_enabled");
      expect(await readCode(contexts.at("P.live", on().base))).toBe("not_found");
      expect(await readCode(infraContexts({ ...options, token: "ogr_wrong" }).current("P.live"))).toBe("unauthenticated");
      expect(await readCode(infraContexts({ ...options, server: "http://127.0.0.1:9" }).enabled("P.live"))).toBe("unreachable");
      const said =
        (change: object): typeof fetch =>
        async () =>
          Response.json({ ...enabled, ...change });
      for (const change of [
        { org: "T.OTHER" },
        { repo: "P.other" },
        { state: "on" },
        { context: null },
        { telemetry_repo: "T.OTHER/P.telemetry" },
        { telemetry_repo: null },
      ])
        expect(await readCode(infraContexts({ ...options, fetch: said(change) }).enabled("P.live")), JSON.stringify(change)).toBe(
          "malformed",
        );
    });
  });
}
