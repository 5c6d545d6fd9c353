import { ModelCluster } from "./src/testing/model-cluster.ts";
import { describeMessage } from "./src/describe.ts";
import { RaftNode } from "./src/node.ts";
import { ModelHost } from "./src/testing/model-host.ts";
const log: string[] = [];
const step = RaftNode.prototype.step;
RaftNode.prototype.step = function (m) { const b=`t${this.term} c${this.commitIndex} l${this.lastIndex}`; log.push(`step ${this.id} [${b}] ${describeMessage(m)}`); return step.call(this, m); };
const crash = ModelHost.prototype.crash;
ModelHost.prototype.crash = function () { crash.call(this); log.push(`crash ${this.id} -> t${this.node.term} c${this.node.commitIndex} l${this.node.lastIndex} hs=${JSON.stringify(this.storage.hardState)} snap ${this.applied}`); };
const write = ModelHost.prototype.write;
ModelHost.prototype.write = function () { const w = this.appendWork[0]; if (w) log.push(`write ${this.id} ${describeMessage(w)}`); return write.call(this); };
let found = false;
for (let seed = 1; seed < 400 && !found; seed++) {
  log.length = 0;
  const c = new ModelCluster({ seed, voters: 3, spares: 0 });
  try { for (let i = 0; i < 6000; i++) c.step(); } catch (e) {
    found = true;
    console.log(seed, (e as Error).message);
    const last = log.at(-1)!; console.log(last);
    const id = last.split(" ")[1];
    console.log(log.filter((l) => l.startsWith(`step ${id}`) || l.startsWith(`crash ${id}`) || l.startsWith(`write ${id}`) || l.includes(`${id}->`)).slice(-70).join("\n"));
  }
}
