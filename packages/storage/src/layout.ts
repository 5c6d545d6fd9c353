/** Names inside a lane's directory. Numbers have ten digits so that names sort as numbers do. */
export interface LaneLayout {
  readonly directory: string;
  readonly wal: string;
  readonly segments: string;
  readonly states: string;
  readonly trash: string;
  /** Segments that are still being received; their names are those of `incoming.ts`. */
  readonly incoming: string;
  walFile(fileSeq: number): string;
  segment(segmentId: number): string;
  stateFile(fileId: number): string;
}

const digits = (value: number) => String(value).padStart(10, "0");

export function laneLayout(directory: string): LaneLayout {
  const wal = `${directory}/wal`;
  const segments = `${directory}/segments`;
  const states = `${directory}/states`;
  return {
    directory,
    wal,
    segments,
    states,
    trash: `${directory}/trash`,
    incoming: `${directory}/incoming`,
    walFile: (fileSeq) => `${wal}/${digits(fileSeq)}.wal`,
    segment: (segmentId) => `${segments}/${digits(segmentId)}.seg`,
    stateFile: (fileId) => `${states}/${digits(fileId)}.state`,
  };
}

/** The number in a name such as `0000000012.wal`, or `undefined` for any other name. */
export function numberIn(name: string, suffix: string): number | undefined {
  const match = /^(\d{10,16})\.([a-z]+)$/.exec(name);
  return match?.[2] === suffix ? Number(match[1]) : undefined;
}
