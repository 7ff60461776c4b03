/** Where inside and outside meet, and the only file that knows both: what the guest hands over goes through the entry loop. */
export { sally } from "./entry.js";
