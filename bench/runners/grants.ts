import { DEFAULT_LIMITS, descriptorRows } from "#src/host/index.js";
import { Grants } from "#src/keep/grants.js";

/** What a measured program gets: the process's own streams, and a directory as descriptor 3. @param rows of the table */
export function measuredGrants(directory: string, rows = descriptorRows(DEFAULT_LIMITS.descriptors)): Grants {
  const grants = new Grants(rows);
  grants.stream("input", 0, false, false, "stdin");
  grants.stream("output", 1, false, false, "stdout");
  grants.stream("output", 2, false, false, "stderr");
  grants.directory({ host: directory, guest: "/", access: "read-write" });
  return grants;
}
