/** Where inside and host meet, and the only file that knows both: what the guest hands over, the host executes. */
export { sally } from "./host/index.js";
