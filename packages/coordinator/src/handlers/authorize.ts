/** Who may ask for what. */
import { StreamError } from "@millrace/base";
import type { Principal } from "@millrace/model";

/** Only processes that hold the cluster secret. @throws StreamError `permission-denied`. */
export function requireCluster(principal: Principal, method: string): void {
  if (principal.kind === "cluster") return;
  throw new StreamError(
    "permission-denied",
    `access key ${principal.accessKeyId} may not call ${method}: it takes the cluster secret`,
  );
}

/** A key acts in its own account, the cluster in any. @throws StreamError `permission-denied`. */
export function requireAccount(principal: Principal, account: string): void {
  if (principal.kind === "cluster" || principal.account === account) return;
  throw new StreamError(
    "permission-denied",
    `access key ${principal.accessKeyId} belongs to account ${principal.account}, not ${account}`,
  );
}
