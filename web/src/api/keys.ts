/** Who may do what. */
import { ask, request } from "./clips";

export interface Key {
  id: string;
  user: string;
  name: string;
  scopes: string[];
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
  /** Only in the answer that made it. */
  key?: string;
}

export const SCOPES = ["clips:write", "analytics:read", "ops"] as const;

export interface NewKey {
  user: string;
  scopes: string[];
  name: string;
  expires_in_days?: number;
}

const at = (id: string): string => `/api/keys/${encodeURIComponent(id)}`;

export const fetchKeys = async (): Promise<Key[]> => (await request<{ keys: Key[] }>("/api/keys", {})).keys;
export const makeKey = (wanted: NewKey): Promise<Key> => request("/api/keys", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wanted) });
export const rotateKey = (id: string): Promise<Key> => request(`${at(id)}/rotate`, { method: "POST" });
export const revokeKey = async (id: string): Promise<void> => void (await ask(at(id), { method: "DELETE" }));
