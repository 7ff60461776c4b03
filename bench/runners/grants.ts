import { DEFAULT_LIMITS, descriptorRows } from "#src/host/index.js";
import { Grants } from "#src/keep/grants.js";

/** What a measured program gets: the process's own streams, and a directory as descriptor 3. */
export function measuredGrants(directory: string): Grants {
  const grants = new Grants(descriptorRows(DEFAULT_LIMITS.descriptors));
  grants.stream("input", 0, false, false, "stdin");
  grants.stream("output", 1, false, false, "stdout");
  grants.stream("output", 2, false, false, "stderr");
  grants.directory({ host: directory, guest: "/", access: "read-write" });
  return grants;
}
