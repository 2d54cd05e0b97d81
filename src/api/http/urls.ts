/** The URLs in answers. */
export class Urls {
  private own = "http://127.0.0.1";

  constructor(
    private readonly configured: {
      readonly publicUrl?: string | undefined;
      readonly temporalUiUrl?: string | undefined;
      readonly namespace: string;
    },
  ) {}

  /** Sets the URL on which the api listens. Answers use it unless a public URL is configured. */
  setListenUrl(url: string): void {
    this.own = url;
  }

  get base(): string {
    return (this.configured.publicUrl ?? this.own).replace(/\/+$/, "");
  }

  /** The URL of a command's state. */
  buildStatusUrl(tenantId: string, jti: string): string {
    return `${this.base}/v1/commands/${jti}?tenant_id=${encodeURIComponent(tenantId)}`;
  }

  buildCardUrl(tenantId: string, cardId: string): string {
    return `${this.base}/v1/cards/${cardId}?tenant_id=${encodeURIComponent(tenantId)}`;
  }

  /** The flow's page in Temporal's UI; null without a configured UI. */
  buildTemporalUrl(workflowId: string): string | null {
    const { temporalUiUrl, namespace } = this.configured;
    if (temporalUiUrl === undefined) return null;
    return `${temporalUiUrl.replace(/\/+$/, "")}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
  }
}
