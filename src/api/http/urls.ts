/** The addresses that answers name. */
export class Urls {
  private own = "http://127.0.0.1";

  constructor(
    private readonly configured: {
      readonly publicUrl?: string | undefined;
      readonly temporalUiUrl?: string | undefined;
      readonly namespace: string;
    },
  ) {}

  /** Told once where the api listens; what clients see stays the public address where one is configured. */
  setListenUrl(url: string): void {
    this.own = url;
  }

  get base(): string {
    return (this.configured.publicUrl ?? this.own).replace(/\/+$/, "");
  }

  /** Where to ask what became of a command. */
  buildStatusUrl(tenantId: string, jti: string): string {
    return `${this.base}/v1/commands/${jti}?tenant_id=${encodeURIComponent(tenantId)}`;
  }

  buildCardUrl(tenantId: string, cardId: string): string {
    return `${this.base}/v1/cards/${cardId}?tenant_id=${encodeURIComponent(tenantId)}`;
  }

  /** The flow's page in Temporal's UI; null where no UI is configured. */
  buildTemporalUrl(workflowId: string): string | null {
    const { temporalUiUrl, namespace } = this.configured;
    if (temporalUiUrl === undefined) return null;
    return `${temporalUiUrl.replace(/\/+$/, "")}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
  }
}
