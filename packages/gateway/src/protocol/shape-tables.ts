/** The form of the generated tables: one row per shape and operation of an AWS service model. */

export interface MemberRow {
  readonly name: string;
  readonly shape: string;
  readonly required?: boolean;
}

interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

/** Members of a structure stand in the order in which AWS reports their errors. */
export type ShapeRow =
  | { readonly type: "structure"; readonly members: readonly MemberRow[] }
  | ({ readonly type: "list"; readonly member: string } & Bounds)
  | ({ readonly type: "map"; readonly key: string; readonly value: string } & Bounds)
  | ({
      readonly type: "string";
      /** Unanchored, as AWS prints it; the whole value must match. */
      readonly pattern?: string;
      readonly enum?: readonly string[];
    } & Bounds)
  | ({ readonly type: "blob" } & Bounds)
  | ({ readonly type: "integer" | "long" | "double" } & Bounds)
  | { readonly type: "boolean" | "timestamp" };

export type ShapeTable = Readonly<Record<string, ShapeRow>>;
export type OperationTable = Readonly<
  Record<string, { readonly input?: string; readonly output?: string }>
>;
