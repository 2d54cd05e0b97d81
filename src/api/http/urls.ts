/** The addresses that answers name. */
export class Urls {
  private own = "http://127.0.0.1";

  constructor(
    private readonly configured: {
      readonly public_url?: string | undefined;
      readonly temporal_ui_url?: string | undefined;
      readonly namespace: string;
    },
  ) {}

  /** Told once where the api listens; what clients see stays the public address where one is configured. */
  listensAt(url: string): void {
    this.own = url;
  }

  get base(): string {
    return (this.configured.public_url ?? this.own).replace(/\/+$/, "");
  }

  /** Where to ask what became of a command. */
  status(tenantId: string, jti: string): string {
    return `${this.base}/v1/commands/${jti}?tenant_id=${encodeURIComponent(tenantId)}`;
  }

  card(tenantId: string, cardId: string): string {
    return `${this.base}/v1/cards/${cardId}?tenant_id=${encodeURIComponent(tenantId)}`;
  }

  /** The flow's page in Temporal's UI; null where no UI is configured. */
  temporal(workflowId: string): string | null {
    const { temporal_ui_url, namespace } = this.configured;
    if (temporal_ui_url === undefined) return null;
    return `${temporal_ui_url.replace(/\/+$/, "")}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
  }
}
