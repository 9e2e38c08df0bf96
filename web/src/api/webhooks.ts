/** Who is told of what happens. */
import { ask, request } from "./clips";

export interface Webhook {
  id: string;
  url: string;
  description: string;
  events: string[];
  enabled: boolean;
  disabled_reason: string | null;
  position: number;
  failing_since: string | null;
  /** Only in the answer that made it. */
  secret?: string;
}

export interface Delivery {
  id: string;
  type: string;
  clip: string;
  position: number;
  state: string;
  attempts: number;
  last_attempt_at: string | null;
  response_status: number | null;
  error: string | null;
  created_at: string;
}

export interface Tested {
  delivered: boolean;
  response_status: number | null;
  error: string | null;
}

const at = (id: string): string => `/api/webhooks/${encodeURIComponent(id)}`;

const json = (method: string, body: unknown): RequestInit => ({ method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export const fetchWebhooks = (): Promise<{ webhooks: Webhook[]; event_types: string[] }> => request("/api/webhooks", {});
export const addWebhook = (hook: { url: string; description: string; events: string[] }): Promise<Webhook> => request("/api/webhooks", json("POST", hook));
export const changeWebhook = (id: string, part: { enabled: boolean }): Promise<Webhook> => request(at(id), json("PATCH", part));
export const removeWebhook = async (id: string): Promise<void> => void (await ask(at(id), { method: "DELETE" }));
export const testWebhook = (id: string): Promise<Tested> => request(`${at(id)}/test`, { method: "POST" });
export const rotateWebhook = (id: string): Promise<Webhook> => request(`${at(id)}/rotate`, { method: "POST" });
export const fetchDeliveries = async (id: string): Promise<Delivery[]> => (await request<{ deliveries: Delivery[] }>(`${at(id)}/deliveries?limit=50`, {})).deliveries;
export const retryDelivery = async (id: string, delivery: string): Promise<void> => void (await ask(`${at(id)}/deliveries/${encodeURIComponent(delivery)}/retry`, { method: "POST" }));
