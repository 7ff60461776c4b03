import type { Cursor } from "./cursor.js";

/** The `producers` section: what made the module. https://github.com/WebAssembly/tool-conventions/blob/main/ProducersSection.md */
export interface Producers {
  readonly language: readonly Producer[];
  readonly processedBy: readonly Producer[];
  readonly sdk: readonly Producer[];
}

/** A tool and its version, both as the module states them. */
export interface Producer {
  readonly name: string;
  readonly version: string;
}

/** One line of the `target_features` section. */
export interface TargetFeature {
  /** Whether the module uses the feature (`+`) or must not be linked with what uses it (`-`). */
  readonly used: boolean;
  readonly name: string;
}

const FIELDS_MAX = 16;
const VALUES_MAX = 1000;

/** Field name in the section to property. */
const PRODUCER_FIELDS: ReadonlyMap<string, keyof Producers> = new Map([
  ["language", "language"],
  ["processed-by", "processedBy"],
  ["sdk", "sdk"],
]);

/** Reads a `producers` section; fields of unknown names are read and dropped. */
export function readProducers(cursor: Cursor): Producers {
  const producers = { language: [] as Producer[], processedBy: [] as Producer[], sdk: [] as Producer[] };
  const fields = cursor.count("fields", FIELDS_MAX, 2);
  for (let field = 0; field < fields; field++) {
    const property = PRODUCER_FIELDS.get(cursor.name("a field name"));
    const values = cursor.count("producers", VALUES_MAX, 2);
    for (let index = 0; index < values; index++) {
      const producer = { name: cursor.name("a producer"), version: cursor.name("a version") };
      if (property !== undefined) producers[property].push(producer);
    }
  }
  return producers;
}

/** Reads a `target_features` section. */
export function readTargetFeatures(cursor: Cursor): TargetFeature[] {
  const features: TargetFeature[] = [];
  const count = cursor.count("features", VALUES_MAX, 2);
  for (let index = 0; index < count; index++) {
    const used = cursor.u8("a feature prefix") !== 0x2d;
    features.push({ used, name: cursor.name("a feature") });
  }
  return features;
}
