/* oxlint-disable no-restricted-imports, no-restricted-globals -- a program of its own on the real disk, started and killed by a test */
/**
 * A process to kill: appends to a lane on the real disk and reports each acknowledgement on standard
 * output, one line `index term` per entry that is durable.
 */
import { writeSync } from "node:fs";

import { NodeFileSystem } from "../node-file-system.ts";
import { createGroup, entriesOf, openLane, write } from "./lane-fixture.ts";

const [directory = "", seed = "0"] = process.argv.slice(2);
const lane = await openLane(new NodeFileSystem(), { directory });
const group = lane.group(1) ?? (await createGroup(lane, 1));
const term = group.hardState.term + 1;
for (;;) {
  const from = group.lastIndex() + 1;
  const bytes = 24 + ((from * 7919 + Number(seed)) % 40) * 500;
  group.committed(from - 1);
  await write(lane, {
    group,
    hardState: { term, vote: 10, commit: from - 1 },
    entries: entriesOf(from, from + 2, term, bytes),
  });
  writeSync(1, `${from + 2} ${term}\n`);
}
