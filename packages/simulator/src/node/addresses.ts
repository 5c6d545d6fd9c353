/** Where simulated nodes are, and what they are. */

export const ACCOUNT = "123456789012";
/** Every node is both: which of them is used is what metadata places on it. */
export const ROLES = ["coordinator", "broker"] as const;

export interface Addresses {
  readonly rpc: string;
  readonly data: string;
  readonly admin: string;
}

export function addressesOf(nodeId: number): Addresses {
  const host = hostOfNode(nodeId);
  return { rpc: `${host}:1`, data: `${host}:2`, admin: `${host}:3` };
}

export function hostOfNode(nodeId: number): string {
  return `n${nodeId}`;
}
